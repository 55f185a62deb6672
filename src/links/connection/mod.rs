//! Convolutions and their kin with their parameters.

mod convolution;
mod deconvolution;
mod deformable;
mod depthwise;
mod inception;
mod local;

pub use convolution::{Convolution1D, Convolution2D, Convolution3D, ConvolutionND, DilatedConvolution2D};
pub use deconvolution::{Deconvolution1D, Deconvolution2D, Deconvolution3D, DeconvolutionND};
pub use deformable::DeformableConvolution2D;
pub use depthwise::DepthwiseConvolution2D;
pub use inception::{Inception, InceptionBN, MLPConvolution2D, PoolType};
pub use local::LocalConvolution2D;

use crate::shape::{Shape, Sides};

/// The shape of filters: two lengths, then those of a window.
///
/// # Panics
/// When the window has another number of axes.
#[track_caller]
fn filters(link: &str, lead: [usize; 2], ksize: &Sides, ndim: usize) -> Shape {
    match ksize.of("ksize", ndim) {
        Ok(sides) => Shape::from([&lead[..], &sides].concat()),
        Err(error) => panic!("{link}: {error}"),
    }
}

/// The channels of a group.
///
/// # Panics
/// When the groups do not divide them.
#[track_caller]
fn of_group(link: &str, channels: usize, groups: usize) -> usize {
    assert!(
        groups > 0 && channels.is_multiple_of(groups),
        "{link}: expected channels divisible by groups = {groups}, got {channels}"
    );
    channels / groups
}
