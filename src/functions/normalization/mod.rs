//! Normalisation: of batches, of layers and groups, of local responses, of lengths.

mod batch_normalization;
mod batch_renormalization;
mod decorrelated_batch_normalization;
mod fixed_batch_normalization;
mod group_normalization;
mod layer_normalization;
mod local_response_normalization;
mod normalize;
mod standardize;

pub use batch_normalization::{BatchNormalization, RunningStatistics, batch_normalization, batch_normalization_with};
pub use batch_renormalization::{BatchRenormalization, batch_renormalization, fixed_batch_renormalization};
pub use decorrelated_batch_normalization::{
    DecorrelatedBatchNormalization, RunningProjection, decorrelated_batch_normalization,
    fixed_decorrelated_batch_normalization,
};
pub use fixed_batch_normalization::{fixed_batch_normalization, fixed_batch_normalization_with};
pub use group_normalization::group_normalization;
pub use layer_normalization::layer_normalization;
pub use local_response_normalization::{
    LocalResponseNormalization, local_response_normalization, local_response_normalization_with,
};
pub use normalize::normalize;

pub(super) const ALL: &[super::Entry] = super::entries![
    batch_normalization,
    batch_renormalization,
    decorrelated_batch_normalization,
    fixed_batch_normalization,
    group_normalization,
    layer_normalization,
    local_response_normalization,
    normalize,
];
