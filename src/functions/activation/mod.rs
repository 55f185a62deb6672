//! Activations.

mod leaky_relu;
mod log_softmax;
mod relu;
mod sigmoid;
mod softmax;
mod softplus;
mod tanh;

pub use leaky_relu::{leaky_relu, leaky_relu_with};
pub use log_softmax::{log_softmax, log_softmax_axis};
pub use relu::relu;
pub use sigmoid::sigmoid;
pub use softmax::{softmax, softmax_axis};
pub use softplus::{softplus, softplus_with};
pub use tanh::tanh;

pub(super) const ALL: &[super::Entry] =
    super::entries![leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh];
