//! Define-by-run deep learning for any GPU: the graph is what the program ran.
#![warn(missing_docs)]

pub mod autograd;
pub mod datasets;
pub mod device;
pub mod error;
pub mod functions;
pub mod kernel;
pub mod links;
pub mod optimizers;
pub mod random;
pub mod report;
pub mod serializers;
pub mod shape;
pub mod tensor;
pub mod testing;

/// What most programs use.
pub mod prelude {
    pub use crate::{
        autograd::Variable,
        device::Device,
        links::{Layer, Link, Parameter},
        optimizers::{AdaGrad, Adam, GradientClipping, MomentumSGD, RMSprop, Rule, Sgd, WeightDecay},
        shape::{DType, Slice},
        tensor::Tensor,
    };
    pub use crate::{chain, functions as F, links as L};
}
