use super::with_shape;
use crate::{
    autograd::{Case, Variable},
    functions::math::matmul,
    shape::ensure,
    tensor::{Tensor, expect},
};

/// Points of a source image for each pixel of an output image, under affine maps.
///
/// `theta` is `(B, 2, 3)`; the result is `(B, 2, height, width)` and holds `x` and `y`, each from -1 to 1 within an image:
/// `theta @ (x, y, 1)` of the pixel's own place.
///
/// # Panics
/// When `theta` is no float or of another shape.
///
/// ```
/// # use catena::prelude::*;
/// let theta = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0, 1.0, 0.0], [1, 2, 3], &Device::cpu());
/// let grid = F::spatial_transformer_grid(&Variable::constant(theta), (2, 2));
/// assert_eq!(grid.data().to_vec::<f32>().unwrap(), [-1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn spatial_transformer_grid(theta: &Variable, (height, width): (usize, usize)) -> Variable {
    let _named = crate::shape::named("spatial_transformer_grid");
    let fits = || {
        ensure!(theta.ndim(), ==, 3);
        ensure!(theta.shape()[1], ==, 2);
        ensure!(theta.shape()[2], ==, 3);
        Ok(())
    };
    expect("spatial_transformer_grid", fits(), &[theta.data()]);
    let place = |i: usize, n: usize| if n == 1 { -1.0 } else { -1.0 + 2.0 * i as f64 / (n - 1) as f64 };
    let pixels = || (0..height).flat_map(|i| (0..width).map(move |j| (i, j)));
    let points: Vec<f32> = pixels()
        .map(|(_, j)| place(j, width) as f32)
        .chain(pixels().map(|(i, _)| place(i, height) as f32))
        .chain(pixels().map(|_| 1.0))
        .collect();
    let points = Tensor::from_slice(&points, [3, height * width], theta.device()).cast(theta.dtype());
    let grid = matmul(theta, &Variable::constant(points));
    with_shape(&grid, [theta.shape()[0], 2, height, width])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("spatial_transformer_grid", |x| spatial_transformer_grid(&x[0], (3, 4))).input([2, 2, 3]),
        Case::new("spatial_transformer_grid/line", |x| spatial_transformer_grid(&x[0], (1, 3))).input([1, 2, 3]),
    ]
}
