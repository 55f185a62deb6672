use super::filters;
use crate::{
    autograd::Variable,
    functions as F,
    links::{
        initializers::{LeCunNormal, Zero},
        link::Layer,
        parameter::Parameter,
    },
    shape::Sides,
};

crate::chain! {
    /// Each channel under filters of its own: [`depthwise_convolution_2d`](crate::functions::depthwise_convolution_2d) with
    /// filters `W` and a bias `b`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::DepthwiseConvolution2D::new(3, 2, 3, 1, 1);
    /// let x = Variable::constant(Tensor::ones([2, 3, 9, 7], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 6, 9, 7]);
    /// ```
    #[derive(Debug)]
    pub struct DepthwiseConvolution2D {
        /// Filters, `(multiplier, in, kh, kw)`.
        pub W: Parameter,
        /// Bias, `(in * multiplier,)`.
        pub b: Option<Parameter>,
        #[plain]
        stride: Sides,
        #[plain]
        pad: Sides,
    }
}

impl DepthwiseConvolution2D {
    /// A layer that makes `multiplier` channels of each: filters by [`LeCunNormal`], bias zero.
    ///
    /// # Panics
    /// When `ksize` is neither one number nor two.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        multiplier: usize,
        ksize: impl Into<Sides>,
        stride: impl Into<Sides>,
        pad: impl Into<Sides>,
    ) -> DepthwiseConvolution2D {
        let shape = filters("DepthwiseConvolution2D", [multiplier, in_channels], &ksize.into(), 2);
        DepthwiseConvolution2D {
            W: Parameter::new(shape, LeCunNormal::default()),
            b: Some(Parameter::new(in_channels * multiplier, Zero)),
            stride: stride.into(),
            pad: pad.into(),
        }
    }

    /// The same layer without a bias.
    #[must_use]
    pub fn nobias(self) -> DepthwiseConvolution2D {
        DepthwiseConvolution2D { b: None, ..self }
    }

    /// Applies it to images.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let b = self.b.as_ref().map(Parameter::variable);
        F::depthwise_convolution_2d(x, &self.W.variable(), b.as_ref(), self.stride.clone(), self.pad.clone())
    }
}

impl Layer for DepthwiseConvolution2D {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        DepthwiseConvolution2D::forward(self, x)
    }
}
