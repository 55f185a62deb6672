//! Losses.

mod absolute_error;
mod hinge;
mod huber_loss;
mod labels;
mod mean_absolute_error;
mod mean_squared_error;
mod reduce;
mod sigmoid_cross_entropy;
mod softmax_cross_entropy;
mod squared_error;

pub use absolute_error::absolute_error;
pub use hinge::{HingeNorm, hinge, hinge_with};
pub use huber_loss::{huber_loss, huber_loss_with};
pub(super) use labels::one_hot;
pub use mean_absolute_error::mean_absolute_error;
pub use mean_squared_error::mean_squared_error;
pub use reduce::Reduce;
pub use sigmoid_cross_entropy::{sigmoid_cross_entropy, sigmoid_cross_entropy_with};
pub use softmax_cross_entropy::{SoftmaxCrossEntropy, softmax_cross_entropy, softmax_cross_entropy_with};
pub use squared_error::squared_error;

pub(super) const ALL: &[super::Entry] = super::entries![
    absolute_error,
    hinge,
    huber_loss,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
];

/// Panics at the caller's line when two inputs differ in shape.
#[track_caller]
fn same_shape(operator: &str, a: &crate::autograd::Variable, b: &crate::autograd::Variable) {
    let check = || {
        crate::shape::ensure!(a.shape() == b.shape(), "inputs of one shape", "{} and {}", a.shape(), b.shape());
        Ok(())
    };
    crate::tensor::expect(operator, check(), &[a.data(), b.data()]);
}
