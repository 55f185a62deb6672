use super::{Padding, get_item, pad, transpose, with_shape};
use crate::{
    autograd::{Case, Variable},
    functions::{connection::take_rows, math::clip},
    shape::{DType, Shape, Slice, ensure, same_float},
    tensor::{Tensor, expect},
};

/// Images sampled at points, `(B, C, H, W)` at `(B, 2, height, width)` to `(B, C, height, width)`.
///
/// `grid` holds `x` and `y` of each point, from -1 to 1 within an image, as
/// [`spatial_transformer_grid`](crate::functions::spatial_transformer_grid) makes them. Values between pixels are weighed
/// from the four nearest; outside of an image there are zeros.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()).reshape([1, 1, 2, 2]));
/// let centre = Variable::constant(Tensor::zeros([1, 2, 1, 1], DType::F32, &Device::cpu()));
/// assert_eq!(F::spatial_transformer_sampler(&x, &centre).item().unwrap(), 1.5);
/// ```
#[track_caller]
pub fn spatial_transformer_sampler(x: &Variable, grid: &Variable) -> Variable {
    let fits = || {
        same_float(&[x.data().meta(), grid.data().meta()])?;
        ensure!(x.ndim(), ==, 4);
        ensure!(grid.ndim(), ==, 4);
        ensure!(grid.shape()[1], ==, 2);
        ensure!(x.shape()[0], ==, grid.shape()[0]);
        Ok(())
    };
    expect("spatial_transformer_sampler", fits(), &[x.data(), grid.data()]);
    let ([b, c, h, w], [_, _, rows, columns]) = (&x.shape()[..], &grid.shape()[..]) else { unreachable!("checked") };
    let (b, c, points) = (*b, *c, rows * columns);
    // One pixel of zeros around each image, so that points next to it have four neighbours too.
    let padded = pad(x, &[(0, 0), (0, 0), (1, 1), (1, 1)], Padding::Constant(0.0));
    let width = w + 2;
    let pixels = with_shape(&transpose(&padded, Some(&[0, 2, 3, 1])), [b * (h + 2) * width, c]);
    let along = |axis: isize, n: usize| {
        let place = with_shape(&get_item(grid, &[Slice::ALL, Slice::Index(axis)]), [b, points]);
        let place = clip(&((place + 1.0) * ((n as f64 - 1.0) / 2.0) + 1.0), 0.0, n as f64 + 1.0);
        let first = place.data().clip(0.0, n as f64).cast(DType::I32);
        let after = &place - Variable::constant(first.cast(x.dtype()));
        (first, [1.0 - &after, after])
    };
    let ((u, of_u), (v, of_v)) = (along(0, *w), along(1, *h));
    let image = Tensor::count(b, x.device()).mul_scalar(((h + 2) * width) as f64).with_shape(&Shape::from([b, 1]));
    let first = image.add(&v.mul_scalar(width as f64)).add(&u);
    let neighbour = |down: usize, right: usize| {
        let ids = Variable::constant(first.add_scalar((down * width + right) as f64));
        let values = take_rows("spatial_transformer_sampler", &ids, &pixels, None);
        values * with_shape(&(&of_v[down] * &of_u[right]), [b, points, 1])
    };
    let y = neighbour(0, 0) + neighbour(0, 1) + neighbour(1, 0) + neighbour(1, 1);
    with_shape(&transpose(&y, Some(&[0, 2, 1])), [b, c, *rows, *columns])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("spatial_transformer_sampler", |x| spatial_transformer_sampler(&x[0], &x[1]))
            .input([2, 2, 4, 5])
            .input_in([2, 2, 3, 3], -0.9, 0.9),
        Case::new("spatial_transformer_sampler/outside", |x| spatial_transformer_sampler(&x[0], &x[1]))
            .input([1, 1, 3, 3])
            .input_in([1, 2, 2, 4], 1.1, 1.6),
        Case::new("spatial_transformer_sampler/of_grid", |x| {
            let grid = super::spatial_transformer_grid(&x[1], (3, 4));
            spatial_transformer_sampler(&x[0], &grid)
        })
        .input([1, 2, 4, 4])
        .input_in([1, 2, 3], -0.4, 0.4),
    ]
}
