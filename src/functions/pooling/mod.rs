//! Pooling: the largest or the mean of windows of images, and the ways back.

mod average_pooling_2d;
mod max_pooling_2d;
mod regions;
mod roi_average_align_2d;
mod roi_average_pooling_2d;
mod roi_max_align_2d;
mod roi_max_pooling_2d;
mod spatial_pyramid_pooling_2d;
mod unpooling_2d;
mod upsampling_2d;
mod windows;

pub use average_pooling_2d::{average_pooling_1d, average_pooling_2d, average_pooling_3d, average_pooling_nd};
pub use max_pooling_2d::{
    max_pooling_1d, max_pooling_2d, max_pooling_2d_indices, max_pooling_3d, max_pooling_nd, max_pooling_nd_indices,
};
pub use regions::Sampling;
pub use roi_average_align_2d::roi_average_align_2d;
pub use roi_average_pooling_2d::roi_average_pooling_2d;
pub use roi_max_align_2d::roi_max_align_2d;
pub use roi_max_pooling_2d::{roi_max_pooling_2d, roi_pooling_2d};
pub use spatial_pyramid_pooling_2d::spatial_pyramid_pooling_2d;
pub use unpooling_2d::{unpooling_1d, unpooling_2d, unpooling_3d, unpooling_nd};
pub use upsampling_2d::upsampling_2d;
pub use windows::Pooling;

pub(super) const ALL: &[super::Entry] = super::entries![
    average_pooling_2d,
    max_pooling_2d,
    roi_average_align_2d,
    roi_average_pooling_2d,
    roi_max_align_2d,
    roi_max_pooling_2d,
    spatial_pyramid_pooling_2d,
    unpooling_2d,
    upsampling_2d
];
