use super::regions::{Boxes, Sampling, sample};
use crate::{
    autograd::{Case, Variable},
    shape::Sides,
};

/// The mean of samples in each cell of regions of images, `(N, C, H, W)` to `(R, C, height, width)`.
///
/// Regions are those of [`roi_max_pooling_2d`](super::roi_max_pooling_2d), but not rounded: samples between pixels are
/// weighed from the four nearest. `sampling` is how many there are along each side of a cell. The host reads the regions;
/// means are two matrix products a region (He et al., "Mask R-CNN", 2017).
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
/// let y = F::roi_average_align_2d(&x, &rois, &of, 1, 1.0, 2);
/// assert_eq!(y.item().unwrap(), 5.0);
/// ```
#[track_caller]
pub fn roi_average_align_2d(
    x: &Variable,
    rois: &Variable,
    roi_indices: &Variable,
    outsize: impl Into<Sides>,
    spatial_scale: f64,
    sampling: impl Into<Sampling>,
) -> Variable {
    let boxes = Boxes::new("roi_average_align_2d", x, rois, roi_indices, outsize, spatial_scale);
    let sampling = sampling.into();
    let [rows, columns] = [0, 1].map(|axis| boxes.samples(x, axis, sampling));
    boxes.combine(x, &rows, &columns)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, sampling: Sampling| {
        Case::new(name, move |x| {
            let (rois, of) = sample(&x[0], [0, 1, 0]);
            roi_average_align_2d(&x[0], &rois, &of, [2, 3], 0.6, sampling)
        })
        .input([2, 3, 8, 8])
    };
    vec![case("roi_average_align_2d", Sampling::Fixed(2)), case("roi_average_align_2d/adaptive", Sampling::Adaptive)]
}
