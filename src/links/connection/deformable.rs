use super::{Convolution2D, filters};
use crate::{
    autograd::Variable,
    functions as F,
    links::{
        initializers::{LeCunNormal, Zero},
        link::Layer,
        parameter::Parameter,
    },
    shape::{Convolution, Sides},
};

crate::chain! {
    /// Convolution whose windows are bent as another convolution of the same images says:
    /// [`deformable_convolution_2d_sampler`](crate::functions::deformable_convolution_2d_sampler).
    ///
    /// Its windows are straight at first.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::DeformableConvolution2D::new(3, 4, 3, 1, 1);
    /// let x = Variable::constant(Tensor::ones([2, 3, 6, 5], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 4, 6, 5]);
    /// ```
    #[derive(Debug)]
    pub struct DeformableConvolution2D {
        /// Says how far the elements of each window are moved.
        pub offset_conv: Convolution2D,
        /// Filters and bias.
        pub deform_conv: Filters,
        #[plain]
        stride: Sides,
        #[plain]
        pad: Sides,
    }
}

crate::chain! {
    /// Filters and a bias for each of them.
    #[derive(Debug)]
    pub struct Filters {
        /// Filters, `(out, in, kh, kw)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
    }
}

impl DeformableConvolution2D {
    /// A layer with windows of `ksize`: filters by [`LeCunNormal`], bias and offsets zero.
    ///
    /// # Panics
    /// When `ksize` is neither one number nor two.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        ksize: impl Into<Sides>,
        stride: impl Into<Sides>,
        pad: impl Into<Sides>,
    ) -> DeformableConvolution2D {
        let (ksize, stride, pad) = (ksize.into(), stride.into(), pad.into());
        let shape = filters("DeformableConvolution2D", [out_channels, in_channels], &ksize, 2);
        let offsets = 2 * shape[2] * shape[3];
        let geometry = Convolution::default().stride(stride.clone()).pad(pad.clone());
        DeformableConvolution2D {
            offset_conv: Convolution2D::with(in_channels, offsets, ksize, geometry, Zero),
            deform_conv: Filters {
                W: Parameter::new(shape, LeCunNormal::default()),
                b: Some(Parameter::new(out_channels, Zero)),
            },
            stride,
            pad,
        }
    }

    /// The same layer without a bias for its filters.
    #[must_use]
    pub fn nobias(mut self) -> DeformableConvolution2D {
        self.deform_conv.b = None;
        self
    }

    /// Applies it to images.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let offset = self.offset_conv.forward(x);
        let b = self.deform_conv.b.as_ref().map(Parameter::variable);
        let (stride, pad) = (self.stride.clone(), self.pad.clone());
        F::deformable_convolution_2d_sampler(x, &offset, &self.deform_conv.W.variable(), b.as_ref(), stride, pad)
    }
}

impl Layer for DeformableConvolution2D {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        DeformableConvolution2D::forward(self, x)
    }
}
