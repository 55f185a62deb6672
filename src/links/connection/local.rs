use crate::{
    autograd::Variable,
    functions as F,
    links::{
        initializers::{LeCunNormal, Zero},
        link::Layer,
        parameter::Parameter,
    },
    shape::{InvalidType, Sides, ensure},
};

crate::chain! {
    /// Windows that have filters of their own each: [`local_convolution_2d`](crate::functions::local_convolution_2d) with
    /// filters `W` and a bias `b` for every result.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::LocalConvolution2D::new(3, 4, [9, 7], 3, 2);
    /// let x = Variable::constant(Tensor::ones([2, 3, 9, 7], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 4, 4, 3]);
    /// ```
    #[derive(Debug)]
    pub struct LocalConvolution2D {
        /// Filters, `(out, H_out, W_out, in, kh, kw)`.
        pub W: Parameter,
        /// Bias, `(out, H_out, W_out)`.
        pub b: Option<Parameter>,
        #[plain]
        stride: Sides,
    }
}

impl LocalConvolution2D {
    /// A layer for images of `in_size`: filters by [`LeCunNormal`], bias zero.
    ///
    /// # Panics
    /// When a window is larger than the image.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        in_size: impl Into<Sides>,
        ksize: impl Into<Sides>,
        stride: impl Into<Sides>,
    ) -> LocalConvolution2D {
        let (in_size, ksize, stride) = (in_size.into(), ksize.into(), stride.into());
        let windows = || -> Result<_, InvalidType> {
            let (n, k, s) = (in_size.of("in_size", 2)?, ksize.of("ksize", 2)?, stride.of("stride", 2)?);
            for a in 0..2 {
                ensure!(k[a] > 0 && s[a] > 0 && n[a] >= k[a], "windows within the image", "{in_size:?} and {ksize:?}");
            }
            Ok(([(n[0] - k[0]) / s[0] + 1, (n[1] - k[1]) / s[1] + 1], k))
        };
        let ([rows, columns], k) = match windows() {
            Ok(found) => found,
            Err(error) => panic!("LocalConvolution2D: {error}"),
        };
        let shape = [out_channels, rows, columns, in_channels, k[0], k[1]];
        LocalConvolution2D {
            W: Parameter::new(shape, LeCunNormal::default()),
            b: Some(Parameter::new([out_channels, rows, columns], Zero)),
            stride,
        }
    }

    /// The same layer without a bias.
    #[must_use]
    pub fn nobias(self) -> LocalConvolution2D {
        LocalConvolution2D { b: None, ..self }
    }

    /// Applies it to images.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let b = self.b.as_ref().map(Parameter::variable);
        F::local_convolution_2d(x, &self.W.variable(), b.as_ref(), self.stride.clone())
    }
}

impl Layer for LocalConvolution2D {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        LocalConvolution2D::forward(self, x)
    }
}
