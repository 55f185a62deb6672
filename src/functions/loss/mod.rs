//! Losses.

mod labels;
mod reduce;
mod softmax_cross_entropy;

pub use reduce::Reduce;
pub use softmax_cross_entropy::{SoftmaxCrossEntropy, softmax_cross_entropy, softmax_cross_entropy_with};

pub(super) const ALL: &[super::Entry] = super::entries![softmax_cross_entropy];
