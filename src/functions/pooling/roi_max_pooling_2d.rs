use super::regions::{Boxes, largest, sample};
use crate::{
    autograd::{Case, Variable},
    device::Device,
    shape::Sides,
    tensor::Tensor,
};

/// The largest pixel of each cell of regions of images, `(N, C, H, W)` to `(R, C, height, width)`.
///
/// `rois`, `(R, 4)`, holds `y0, x0, y1, x1` of each region, in pixels of an image `1 / spatial_scale` as large as `x`, and
/// `roi_indices`, `(R,)` of `int32`, which image it is of. Corners are rounded to whole pixels; a cell without a pixel is
/// -inf. The host reads the regions. One launch each way (Girshick, "Fast R-CNN", 2015).
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
/// let y = F::roi_max_pooling_2d(&x, &rois, &of, [1, 2], 1.0);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [5.0, 7.0]);
/// ```
#[track_caller]
pub fn roi_max_pooling_2d(
    x: &Variable,
    rois: &Variable,
    roi_indices: &Variable,
    outsize: impl Into<Sides>,
    spatial_scale: f64,
) -> Variable {
    let name = "roi_max_pooling_2d";
    let boxes = Boxes::new(name, x, rois, roi_indices, outsize, spatial_scale);
    largest(name, x, boxes.cells(false))
}

/// As [`roi_max_pooling_2d`], with regions as Caffe has them: `(R, 5)` of `image, x0, y0, x1, y1` with the last pixel among
/// the region's; a cell without a pixel is 0.
///
/// # Panics
/// When shapes or dtypes do not fit, or a region is of an image that is not there.
#[track_caller]
pub fn roi_pooling_2d(x: &Variable, rois: &Variable, out_h: usize, out_w: usize, spatial_scale: f64) -> Variable {
    let name = "roi_pooling_2d";
    let boxes = Boxes::with_image(name, x, rois, [out_h, out_w], spatial_scale);
    largest(name, x, boxes.cells(true))
}

pub(super) fn cases() -> Vec<Case> {
    let of_image = |x: &Variable| {
        let corners = [0.0f64, 1.0, 2.0, 9.0, 10.0, 1.0, 0.0, 0.0, 3.0, 3.0, 1.0, 20.0, 2.0, 30.0, 9.0];
        let rois = Tensor::from_slice(&corners, [3, 5], &Device::cpu()).cast(x.dtype());
        Variable::constant(rois.to_device(x.device()))
    };
    vec![
        Case::new("roi_max_pooling_2d", |x| {
            let (rois, of) = sample(&x[0], [0, 1, 0]);
            roi_max_pooling_2d(&x[0], &rois, &of, [2, 3], 0.6)
        })
        .input([2, 3, 8, 8]),
        Case::new("roi_max_pooling_2d/overlapping", |x| {
            let (rois, of) = sample(&x[0], [1, 1, 1]);
            roi_max_pooling_2d(&x[0], &rois, &of, 4, 0.5)
        })
        .input([2, 2, 6, 7]),
        Case::new("roi_pooling_2d", move |x| roi_pooling_2d(&x[0], &of_image(&x[0]), 2, 3, 0.5)).input([2, 2, 6, 7]),
    ]
}
