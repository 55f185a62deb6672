use super::get_item_fancy;
use crate::{
    autograd::{Case, Variable},
    functions::connection::expect_ids,
    shape::{self, DType, ensure},
    tensor::{Tensor, expect},
};
use ndarray::arr1;

/// An axis in another order, `y[i] = x[indices[i]]`, or with `inverse` `y[indices[i]] = x[i]`.
///
/// `indices` is a permutation of the axis' positions, `int32`.
///
/// # Panics
/// When the axis is out of range, or there is not one index for each position.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(3, &Device::cpu()));
/// let order = Variable::constant(Tensor::from_slice(&[2, 0, 1], [3], &Device::cpu()));
/// assert_eq!(F::permutate(&x, &order, 0, false).data().to_vec::<f32>().unwrap(), [2.0, 0.0, 1.0]);
/// assert_eq!(F::permutate(&x, &order, 0, true).data().to_vec::<f32>().unwrap(), [1.0, 2.0, 0.0]);
/// ```
#[track_caller]
pub fn permutate(x: &Variable, indices: &Variable, axis: isize, inverse: bool) -> Variable {
    let place = || {
        let axis = shape::axis(axis, x.ndim())?;
        ensure!(indices.dtype(), ==, DType::I32);
        ensure!(indices.ndim(), ==, 1);
        ensure!(x.shape()[axis], ==, indices.size());
        Ok(axis)
    };
    let at = expect("permutate", place(), &[x.data(), indices.data()]);
    let n = x.shape()[at];
    expect_ids("permutate", indices.data(), n, None);
    if !inverse {
        return get_item_fancy(x, indices, axis);
    }
    let positions = Tensor::count(n, x.device()).reshape([n as isize, 1]);
    let inverse = positions.add_rows("permutate", indices.data(), n, None).reshape([-1]);
    get_item_fancy(x, &Variable::constant(inverse), axis)
}

pub(super) fn cases() -> Vec<Case> {
    let order = || arr1(&[2, 0, 3, 1]).into_dyn();
    vec![
        Case::new("permutate", |x| permutate(&x[1], &x[0], 1, false)).exact(order()).input([2, 4]),
        Case::new("permutate/first", |x| permutate(&x[1], &x[0], 0, false)).exact(order()).input([4, 2]),
        Case::new("permutate/inverse", |x| permutate(&x[1], &x[0], -1, true)).exact(order()).input([2, 4]),
    ]
}
