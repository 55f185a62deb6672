use super::regions::{Boxes, Sampling, sample};
use crate::{
    autograd::{Case, Variable},
    shape::Sides,
};

/// The largest of samples in each cell of regions of images, `(N, C, H, W)` to `(R, C, height, width)`.
///
/// As [`roi_average_align_2d`](super::roi_average_align_2d), with the largest sample in place of the mean.
///
/// # Panics
/// When shapes or dtypes do not fit, or a region is of an image that is not there.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let x = Variable::constant(Tensor::arange(16, &device).reshape([1, 1, 4, 4]));
/// let rois = Variable::constant(Tensor::from_slice(&[0.0f32, 0.0, 2.0, 2.0], [1, 4], &device));
/// let of = Variable::constant(Tensor::from_slice(&[0i32], [1], &device));
/// let y = F::roi_max_align_2d(&x, &rois, &of, 1, 1.0, 2);
/// assert_eq!(y.item().unwrap(), 7.5);
/// ```
#[track_caller]
pub fn roi_max_align_2d(
    x: &Variable,
    rois: &Variable,
    roi_indices: &Variable,
    outsize: impl Into<Sides>,
    spatial_scale: f64,
    sampling: impl Into<Sampling>,
) -> Variable {
    let name = "roi_max_align_2d";
    Boxes::new(name, x, rois, roi_indices, outsize, spatial_scale).largest_sample(name, x, sampling.into())
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, sampling: Sampling| {
        Case::new(name, move |x| {
            let (rois, of) = sample(&x[0], [0, 1, 0]);
            roi_max_align_2d(&x[0], &rois, &of, [2, 3], 0.6, sampling)
        })
        .input([2, 3, 8, 8])
    };
    vec![case("roi_max_align_2d", Sampling::Fixed(2)), case("roi_max_align_2d/adaptive", Sampling::Adaptive)]
}
