//! Dtypes, shapes, strided views, broadcasting, and the shape rules of every operator family.
//!
//! Nothing here knows of devices. A rule is written once: [`Function::infer`](crate::autograd::Function::infer) and the
//! methods of [`Tensor`](crate::tensor::Tensor) call the same function.

mod check;
mod convolution;
mod dtype;
mod rules;
mod view;
mod windows;

pub use check::{InvalidType, invalid};
pub(crate) use check::{ensure, named};
pub use convolution::{Convolution, ConvolutionShape, Sides, convolution, deconvolution};
pub use dtype::{DType, Element};
pub use rules::*;
pub(crate) use view::collapse;
pub use view::{Shape, Slice, View};
pub use windows::{conv_outsize, deconv_outsize};

/// What is known of an array without its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Meta {
    /// Lengths of the axes.
    pub shape: Shape,
    /// Type of the elements.
    pub dtype: DType,
}

impl Meta {
    /// A shape with a dtype.
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> Meta {
        Meta { shape: shape.into(), dtype }
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }
}
