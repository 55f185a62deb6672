use super::matmul;
use crate::{
    autograd::{Case, Variable},
    functions::array::{transpose, with_shape},
    shape::{self, InvalidType, Shape, ensure},
    tensor::expect,
};

/// Sums of products over the last `axes` axes of `a` and the first of `b`.
///
/// The result has the other axes of `a`, then those of `b`.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// assert_eq!(F::tensordot(&ones(&[2, 3, 4]), &ones(&[3, 4, 5]), 2).shape()[..], [2, 5]);
/// ```
#[track_caller]
pub fn tensordot(a: &Variable, b: &Variable, axes: usize) -> Variable {
    let _named = crate::shape::named("tensordot");
    let fits = || {
        ensure!(axes, <=, a.ndim());
        ensure!(axes, <=, b.ndim());
        Ok(())
    };
    expect("tensordot", fits(), &[a.data(), b.data()]);
    let last: Vec<isize> = (a.ndim() - axes..a.ndim()).map(|i| i as isize).collect();
    let first: Vec<isize> = (0..axes as isize).collect();
    tensordot_axes(a, b, &last, &first)
}

/// As [`tensordot`], over axes `a_axes[i]` of `a` together with `b_axes[i]` of `b`.
///
/// # Panics
/// When axes are out of range or repeated, or shapes or dtypes do not fit.
#[track_caller]
pub fn tensordot_axes(a: &Variable, b: &Variable, a_axes: &[isize], b_axes: &[isize]) -> Variable {
    let _named = crate::shape::named("tensordot");
    let fits = || {
        ensure!(a_axes.len() == b_axes.len(), "as many axes of a as of b", "{} != {}", a_axes.len(), b_axes.len());
        let (over_a, over_b) = (places(a_axes, a.ndim())?, places(b_axes, b.ndim())?);
        for (&i, &j) in over_a.iter().zip(over_b.iter()) {
            let (m, n) = (a.shape()[i], b.shape()[j]);
            ensure!(m == n, format!("a.shape[{i}] == b.shape[{j}]"), "{m} != {n}");
        }
        Ok((over_a, over_b))
    };
    let (over_a, over_b) = expect("tensordot", fits(), &[a.data(), b.data()]);
    let rest = |x: &Variable, over: &[usize]| (0..x.ndim()).filter(|i| !over.contains(i)).collect::<Vec<_>>();
    let (rest_a, rest_b) = (rest(a, &over_a), rest(b, &over_b));
    let lengths = |x: &Variable, of: &[usize]| of.iter().map(|&i| x.shape()[i]).collect::<Vec<_>>();
    let matrix = |x: &Variable, rows: &[usize], columns: &[usize]| {
        let order: Vec<isize> = rows.iter().chain(columns).map(|&i| i as isize).collect();
        let size = |of: &[usize]| lengths(x, of).iter().product::<usize>();
        with_shape(&transpose(x, Some(&order)), [size(rows), size(columns)])
    };
    let y = matmul(&matrix(a, &rest_a, &over_a), &matrix(b, &over_b, &rest_b));
    with_shape(&y, [lengths(a, &rest_a), lengths(b, &rest_b)].concat())
}

/// Axes as positions, in the order given.
fn places(axes: &[isize], ndim: usize) -> Result<Shape, InvalidType> {
    shape::axes(Some(axes), ndim)?;
    axes.iter().map(|&a| shape::axis(a, ndim)).collect()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tensordot", |x| tensordot(&x[0], &x[1], 2)).input([2, 3, 4]).input([3, 4, 5]),
        Case::new("tensordot/axes", |x| tensordot_axes(&x[0], &x[1], &[0, -1], &[1, 0]))
            .input([2, 3, 4])
            .input([4, 2, 5]),
        Case::new("tensordot/outer", |x| tensordot(&x[0], &x[1], 0)).input([2]).input([3]),
        Case::new("tensordot/inner", |x| tensordot(&x[0], &x[1], 1)).input([3]).input([3]),
    ]
}
