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
}

macro_rules! convolution {
    ($name:ident, $ndim:literal, $function:ident, $images:literal, $filters:literal, $ones:literal, $gives:literal) => {
        crate::chain! {
            #[doc = concat!(
                "Convolution of images `", $images, "`: [`", stringify!($function), "`](crate::functions::", stringify!($function),
                ") with filters `W` and a bias `b`.\n\n```\n# use catena::prelude::*;\n\
                 let layer = L::", stringify!($name), "::new(3, 8, 3).pad(1).stride(2);\n\
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
                let layer = Self::waiting(out_channels, ksize.into(), geometry, initial_w);
                layer.initialize(in_channels);
                layer
            }

            /// A layer that learns the number of its input's channels at the first call.
            pub fn lazy(out_channels: usize, ksize: impl Into<Sides>, geometry: Convolution) -> Self {
                Self::waiting(out_channels, ksize.into(), geometry, LeCunNormal::default())
            }

            fn waiting(out_channels: usize, ksize: Sides, geometry: Convolution, initial_w: impl Initializer) -> Self {
                let plan = Plan { ndim: $ndim, out_channels, ksize, geometry };
                $name { W: Parameter::lazy(initial_w), b: Some(Parameter::new(out_channels, Zero)), plan }
            }
        }
        convolution!(@methods $name, $function);
    };
    (@methods $name:ident, $function:ident) => {
        impl $name {
            #[track_caller]
            fn initialize(&self, in_channels: usize) {
                let Plan { ndim, out_channels, ksize, geometry } = &self.plan;
                let channels = of_group(stringify!($name), in_channels, geometry.groups);
                of_group(stringify!($name), *out_channels, geometry.groups);
                self.W.initialize(filters(stringify!($name), [*out_channels, channels], ksize, *ndim));
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

            /// The same layer with zeros around the images.
            #[must_use]
            pub fn pad(mut self, pad: impl Into<Sides>) -> Self {
                self.plan.geometry.pad = pad.into();
                self
            }

            /// The same layer with gaps in its windows.
            #[must_use]
            pub fn dilate(mut self, dilate: impl Into<Sides>) -> Self {
                self.plan.geometry.dilate = dilate.into();
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
                F::$function(x, &self.W.variable(), b.as_ref(), &self.plan.geometry)
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

convolution!(Convolution1D, 1, convolution_1d, "(N, in, L)", "(out, in / groups, k)", "[2, 3, 9]", "[2, 8, 5]");
convolution!(
    Convolution2D,
    2,
    convolution_2d,
    "(N, in, H, W)",
    "(out, in / groups, kh, kw)",
    "[2, 3, 9, 7]",
    "[2, 8, 5, 4]"
);
convolution!(
    Convolution3D,
    3,
    convolution_3d,
    "(N, in, D, H, W)",
    "(out, in / groups, kd, kh, kw)",
    "[2, 3, 5, 9, 7]",
    "[2, 8, 3, 5, 4]"
);

crate::chain! {
    /// Convolution of images of `ndim` axes: [`convolution_nd`](crate::functions::convolution_nd) with filters `W` and a
    /// bias `b`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::ConvolutionND::new(1, 3, 8, 3).pad(1);
    /// let x = Variable::constant(Tensor::ones([2, 3, 9], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 8, 9]);
    /// ```
    #[derive(Debug)]
    pub struct ConvolutionND {
        /// Filters, `(out, in / groups, ..)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
        #[plain]
        plan: Plan,
    }
}

impl ConvolutionND {
    /// A layer for images of `ndim` axes, with windows of `ksize`: filters by [`LeCunNormal`], bias zero.
    ///
    /// # Panics
    /// When `ksize` has another number of axes than the images.
    #[track_caller]
    pub fn new(ndim: usize, in_channels: usize, out_channels: usize, ksize: impl Into<Sides>) -> ConvolutionND {
        ConvolutionND::with(ndim, in_channels, out_channels, ksize, Convolution::default(), LeCunNormal::default())
    }

    /// As [`ConvolutionND::new`], with all of its geometry, and filters by another initializer.
    ///
    /// # Panics
    /// When `ksize` has another number of axes than the images, or groups do not divide the channels.
    #[track_caller]
    pub fn with(
        ndim: usize,
        in_channels: usize,
        out_channels: usize,
        ksize: impl Into<Sides>,
        geometry: Convolution,
        initial_w: impl Initializer,
    ) -> ConvolutionND {
        let plan = Plan { ndim, out_channels, ksize: ksize.into(), geometry };
        let b = Some(Parameter::new(out_channels, Zero));
        let layer = ConvolutionND { W: Parameter::lazy(initial_w), b, plan };
        layer.initialize(in_channels);
        layer
    }
}
convolution!(@methods ConvolutionND, convolution_nd);

crate::chain! {
    /// Convolution of images whose windows have gaps:
    /// [`dilated_convolution_2d`](crate::functions::dilated_convolution_2d) with filters `W` and a bias `b`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::DilatedConvolution2D::new(3, 8, 3, 2).pad(2);
    /// let x = Variable::constant(Tensor::ones([2, 3, 9, 7], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 8, 9, 7]);
    /// ```
    #[derive(Debug)]
    pub struct DilatedConvolution2D {
        /// Filters, `(out, in, kh, kw)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
        #[plain]
        plan: Plan,
    }
}

impl DilatedConvolution2D {
    /// A layer whose windows have elements at a distance of `dilate`: filters by [`LeCunNormal`], bias zero.
    ///
    /// # Panics
    /// When `ksize` is neither one number nor two.
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        ksize: impl Into<Sides>,
        dilate: impl Into<Sides>,
    ) -> DilatedConvolution2D {
        let geometry = Convolution::default().dilate(dilate);
        let plan = Plan { ndim: 2, out_channels, ksize: ksize.into(), geometry };
        let b = Some(Parameter::new(out_channels, Zero));
        let layer = DilatedConvolution2D { W: Parameter::lazy(LeCunNormal::default()), b, plan };
        layer.initialize(in_channels);
        layer
    }
}
convolution!(@methods DilatedConvolution2D, convolution_2d);
