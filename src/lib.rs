//! Define-by-run deep learning for any GPU: the graph is what the program ran.
#![warn(missing_docs)]

pub mod autograd;
pub mod datasets;
pub mod device;
pub mod error;
pub mod functions;
pub mod kernel;
pub mod random;
pub mod serializers;
pub mod shape;
pub mod tensor;
pub mod testing;

/// What most programs use.
pub mod prelude {
    pub use crate::functions as F;
    pub use crate::{
        autograd::Variable,
        device::Device,
        shape::{DType, Slice},
        tensor::Tensor,
    };
}
