//! Activations.

mod clipped_relu;
mod crelu;
mod elu;
mod hard_sigmoid;
mod leaky_relu;
mod log_softmax;
mod maxout;
mod prelu;
mod relu;
mod relu6;
mod rrelu;
mod selu;
mod sigmoid;
mod softmax;
mod softplus;
mod swish;
mod tanh;

pub use clipped_relu::{clipped_relu, clipped_relu_with};
pub use crelu::{crelu, crelu_axis};
pub use elu::{elu, elu_with};
pub use hard_sigmoid::hard_sigmoid;
pub use leaky_relu::{leaky_relu, leaky_relu_with};
pub use log_softmax::{log_softmax, log_softmax_axis};
pub use maxout::{maxout, maxout_axis};
pub use prelu::prelu;
pub use relu::relu;
pub use relu6::relu6;
pub use rrelu::{rrelu, rrelu_slopes, rrelu_with, rrelu_with_slopes};
pub use selu::{selu, selu_with};
pub use sigmoid::sigmoid;
pub(in crate::functions) use sigmoid::sigmoid_grad;
pub use softmax::{softmax, softmax_axis};
pub use softplus::{softplus, softplus_with};
pub use swish::swish;
pub use tanh::tanh;
pub(in crate::functions) use tanh::tanh_grad;

pub(super) const ALL: &[super::Entry] = super::entries![
    clipped_relu,
    crelu,
    elu,
    hard_sigmoid,
    leaky_relu,
    log_softmax,
    maxout,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    softmax,
    softplus,
    swish,
    tanh
];
