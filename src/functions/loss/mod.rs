//! Losses.

mod absolute_error;
mod bernoulli_nll;
mod black_out;
mod connectionist_temporal_classification;
mod contrastive;
mod crf1d;
mod cross_covariance;
mod decov;
mod discriminative_margin_based_clustering_loss;
mod gaussian_kl_divergence;
mod gaussian_nll;
mod hinge;
mod huber_loss;
mod labels;
mod log_space;
mod mean_absolute_error;
mod mean_squared_error;
mod negative_sampling;
mod reduce;
mod sigmoid_cross_entropy;
mod softmax_cross_entropy;
mod squared_error;
mod triplet;

pub use absolute_error::absolute_error;
pub use bernoulli_nll::bernoulli_nll;
pub use black_out::black_out;
pub use connectionist_temporal_classification::{Lengths, connectionist_temporal_classification};
pub use contrastive::contrastive;
pub use crf1d::{argmax_crf1d, crf1d};
pub use cross_covariance::cross_covariance;
pub use decov::decov;
pub use discriminative_margin_based_clustering_loss::{Clustering, discriminative_margin_based_clustering_loss};
pub use gaussian_kl_divergence::gaussian_kl_divergence;
pub use gaussian_nll::gaussian_nll;
pub use hinge::{HingeNorm, hinge, hinge_with};
pub use huber_loss::{huber_loss, huber_loss_with};
pub(super) use labels::one_hot;
pub use mean_absolute_error::mean_absolute_error;
pub use mean_squared_error::mean_squared_error;
pub use negative_sampling::negative_sampling;
pub use reduce::Reduce;
pub use sigmoid_cross_entropy::{sigmoid_cross_entropy, sigmoid_cross_entropy_with};
pub use softmax_cross_entropy::{SoftTarget, SoftmaxCrossEntropy, softmax_cross_entropy, softmax_cross_entropy_with};
pub use squared_error::squared_error;
pub use triplet::triplet;

pub(super) const ALL: &[super::Entry] = super::entries![
    absolute_error,
    bernoulli_nll,
    black_out,
    connectionist_temporal_classification,
    contrastive,
    crf1d,
    cross_covariance,
    decov,
    discriminative_margin_based_clustering_loss,
    gaussian_kl_divergence,
    gaussian_nll,
    hinge,
    huber_loss,
    mean_absolute_error,
    mean_squared_error,
    negative_sampling,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
    triplet,
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
