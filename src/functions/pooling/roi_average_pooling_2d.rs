use super::regions::{Boxes, sample};
use crate::{
    autograd::{Case, Variable},
    shape::Sides,
};

/// The mean of the pixels of each cell of regions of images, `(N, C, H, W)` to `(R, C, height, width)`.
///
/// Regions are those of [`roi_max_pooling_2d`](super::roi_max_pooling_2d); a cell without a pixel is 0. The host reads the
/// regions; means are two matrix products a region.
///
/// # Panics
/// When shapes or dtypes do not fit, or a region is of an image that is not there.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let x = Variable::constant(Tensor::arange(16, &device).reshape([1, 1, 4, 4]));
/// let rois = Variable::constant(Tensor::from_slice(&[0.0f32, 0.0, 2.0, 4.0], [1, 4], &device));
/// let of = Variable::constant(Tensor::from_slice(&[0i32], [1], &device));
/// let y = F::roi_average_pooling_2d(&x, &rois, &of, [1, 2], 1.0);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [2.5, 4.5]);
/// ```
#[track_caller]
pub fn roi_average_pooling_2d(
    x: &Variable,
    rois: &Variable,
    roi_indices: &Variable,
    outsize: impl Into<Sides>,
    spatial_scale: f64,
) -> Variable {
    let boxes = Boxes::new("roi_average_pooling_2d", x, rois, roi_indices, outsize, spatial_scale);
    boxes.combine(x, &boxes.means(x, 0), &boxes.means(x, 1))
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, of: [i32; 3]| {
        Case::new(name, move |x| {
            let (rois, of) = sample(&x[0], of);
            roi_average_pooling_2d(&x[0], &rois, &of, [2, 3], 0.6)
        })
    };
    vec![
        case("roi_average_pooling_2d", [0, 1, 0]).input([2, 3, 8, 8]),
        case("roi_average_pooling_2d/one_image", [0, 0, 0]).input([1, 2, 6, 7]),
    ]
}
