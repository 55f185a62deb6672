use super::{filters, of_group};
use crate::{
    autograd::Variable,
    functions as F,
    links::{
        initializers::{Initializer, LeCunNormal, Zero},
        link::Layer,
        parameter::Parameter,
    },
    shape::{Convolution, Sides},
};

/// What is known of a layer before it has seen an image.
#[derive(Debug, Clone)]
struct Plan {
    ndim: usize,
    out_channels: usize,
    ksize: Sides,
    geometry: Convolution,
    outsize: Option<Sides>,
}

macro_rules! deconvolution {
    ($name:ident, $ndim:literal, $function:ident, $images:literal, $filters:literal, $ones:literal, $gives:literal) => {
        crate::chain! {
            #[doc = concat!(
                "Deconvolution to images `", $images, "`: [`", stringify!($function), "`](crate::functions::", stringify!($function),
                ") with filters `W` and a bias `b`.\n\n```\n# use catena::prelude::*;\n\
                 let layer = L::", stringify!($name), "::new(3, 8, 4).pad(1).stride(2);\n\
                 let x = Variable::constant(Tensor::ones(", $ones, ", DType::F32, &Device::cpu()));\n\
                 assert_eq!(layer.forward(&x).shape()[..], ", $gives, ");\n```"
            )]
            #[derive(Debug)]
            pub struct $name {
                #[doc = concat!("Filters, `", $filters, "`.")]
                pub W: Parameter,
                /// Bias, `(out,)`.
                pub b: Option<Parameter>,
                #[plain]
                plan: Plan,
            }
        }

        impl $name {
            /// A layer with windows of `ksize`: filters by [`LeCunNormal`], bias zero.
            ///
            /// # Panics
            /// When `ksize` has another number of axes than the images.
            #[track_caller]
            pub fn new(in_channels: usize, out_channels: usize, ksize: impl Into<Sides>) -> Self {
                Self::with(in_channels, out_channels, ksize, Convolution::default(), LeCunNormal::default())
            }

            /// As `new`, with all of its geometry, and filters by another initializer.
            ///
            /// # Panics
            /// When `ksize` has another number of axes than the images, or groups do not divide the channels.
            #[track_caller]
            pub fn with(
                in_channels: usize,
                out_channels: usize,
                ksize: impl Into<Sides>,
                geometry: Convolution,
                initial_w: impl Initializer,
            ) -> Self {
                let layer = Self::waiting($ndim, out_channels, ksize.into(), geometry, initial_w);
                layer.initialize(in_channels);
                layer
            }

            /// A layer that learns the number of its input's channels at the first call.
            pub fn lazy(out_channels: usize, ksize: impl Into<Sides>, geometry: Convolution) -> Self {
                Self::waiting($ndim, out_channels, ksize.into(), geometry, LeCunNormal::default())
            }
        }
        deconvolution!(@methods $name, $function);
    };
    (@methods $name:ident, $function:ident) => {
        impl $name {
            fn waiting(
                ndim: usize,
                out_channels: usize,
                ksize: Sides,
                geometry: Convolution,
                initial_w: impl Initializer,
            ) -> Self {
                let plan = Plan { ndim, out_channels, ksize, geometry, outsize: None };
                $name { W: Parameter::lazy(initial_w), b: Some(Parameter::new(out_channels, Zero)), plan }
            }

            #[track_caller]
            fn initialize(&self, in_channels: usize) {
                let Plan { ndim, out_channels, ksize, geometry, .. } = &self.plan;
                let channels = of_group(stringify!($name), *out_channels, geometry.groups);
                of_group(stringify!($name), in_channels, geometry.groups);
                self.W.initialize(filters(stringify!($name), [in_channels, channels], ksize, *ndim));
            }

            /// The same layer without a bias.
            #[must_use]
            pub fn nobias(self) -> Self {
                $name { b: None, ..self }
            }

            /// The same layer with windows at another distance.
            #[must_use]
            pub fn stride(mut self, stride: impl Into<Sides>) -> Self {
                self.plan.geometry.stride = stride.into();
                self
            }

            /// The same layer with less of its results' edges.
            #[must_use]
            pub fn pad(mut self, pad: impl Into<Sides>) -> Self {
                self.plan.geometry.pad = pad.into();
                self
            }

            /// The same layer with results of this size, where several fit.
            #[must_use]
            pub fn outsize(mut self, outsize: impl Into<Sides>) -> Self {
                self.plan.outsize = Some(outsize.into());
                self
            }

            /// Applies it to images.
            ///
            /// # Panics
            /// When shapes or dtypes do not fit.
            #[track_caller]
            pub fn forward(&self, x: &Variable) -> Variable {
                if !self.W.is_initialized() && x.ndim() > 1 {
                    self.initialize(x.shape()[1]);
                }
                let b = self.b.as_ref().map(Parameter::variable);
                F::$function(x, &self.W.variable(), b.as_ref(), &self.plan.geometry, self.plan.outsize.as_ref())
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Variable) -> Variable {
                $name::forward(self, x)
            }
        }
    };
}

deconvolution!(Deconvolution1D, 1, deconvolution_1d, "(N, out, L)", "(in, out / groups, k)", "[2, 3, 5]", "[2, 8, 10]");
deconvolution!(
    Deconvolution2D,
    2,
    deconvolution_2d,
    "(N, out, H, W)",
    "(in, out / groups, kh, kw)",
    "[2, 3, 5, 4]",
    "[2, 8, 10, 8]"
);
deconvolution!(
    Deconvolution3D,
    3,
    deconvolution_3d,
    "(N, out, D, H, W)",
    "(in, out / groups, kd, kh, kw)",
    "[2, 3, 2, 5, 4]",
    "[2, 8, 4, 10, 8]"
);

crate::chain! {
    /// Deconvolution to images of `ndim` axes: [`deconvolution_nd`](crate::functions::deconvolution_nd) with filters `W`
    /// and a bias `b`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::DeconvolutionND::new(1, 3, 8, 4).pad(1).stride(2);
    /// let x = Variable::constant(Tensor::ones([2, 3, 5], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 8, 10]);
    /// ```
    #[derive(Debug)]
    pub struct DeconvolutionND {
        /// Filters, `(in, out / groups, ..)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
        #[plain]
        plan: Plan,
    }
}

impl DeconvolutionND {
    /// A layer for images of `ndim` axes, with windows of `ksize`: filters by [`LeCunNormal`], bias zero.
    ///
    /// # Panics
    /// When `ksize` has another number of axes than the images.
    #[track_caller]
    pub fn new(ndim: usize, in_channels: usize, out_channels: usize, ksize: impl Into<Sides>) -> DeconvolutionND {
        let (geometry, initial_w) = (Convolution::default(), LeCunNormal::default());
        let layer = DeconvolutionND::waiting(ndim, out_channels, ksize.into(), geometry, initial_w);
        layer.initialize(in_channels);
        layer
    }
}
deconvolution!(@methods DeconvolutionND, deconvolution_nd);
