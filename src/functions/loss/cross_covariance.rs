use super::Reduce;
use crate::{
    autograd::{Case, Variable},
    functions::math::{matmul_transposed, mean_axes, square, sum},
    shape::ensure,
    tensor::expect,
};

/// The cross-covariance of the columns of `y` and `z` over the batch, `C = (y - mean)^T (z - mean) / n`: half the sum of
/// its squares, or with [`Reduce::No`] the matrix itself.
///
/// `y` is `(n, j)`, `z` is `(n, k)`.
///
/// Launches: 7 forward, 10 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, or the mean is asked for, which Chainer does not have.
///
/// ```
/// # use catena::prelude::*;
/// let y = Variable::new(Tensor::from_slice(&[1.0f32, -1.0], [2, 1], &Device::cpu()));
/// assert_eq!(F::cross_covariance(&y, &y, F::Reduce::Sum).item().unwrap(), 0.5);
/// ```
#[track_caller]
pub fn cross_covariance(y: &Variable, z: &Variable, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("cross_covariance");
    let check = || {
        ensure!(y.ndim(), ==, 2);
        ensure!(z.ndim(), ==, 2);
        ensure!(y.shape()[0], ==, z.shape()[0]);
        ensure!(y.dtype() == z.dtype(), "y.dtype == z.dtype", "{} != {}", y.dtype(), z.dtype());
        ensure!(reduce != Reduce::Mean, "reduce: half the sum of squares or none", "the mean");
        Ok(())
    };
    expect("cross_covariance", check(), &[y.data(), z.data()]);
    let covariance = covariance(y, z);
    if reduce == Reduce::No { covariance } else { sum(&square(&covariance)) * 0.5 }
}

/// The covariances of all pairs of columns.
#[track_caller]
pub(super) fn covariance(y: &Variable, z: &Variable) -> Variable {
    let centre = |x: &Variable| x - mean_axes(x, Some(&[0]), true);
    matmul_transposed(&centre(y), &centre(z), true, false) * (1.0 / y.shape()[0].max(1) as f64)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        Case::new(name, move |x| cross_covariance(&x[0], &x[1], reduce)).input([5, 3]).input([5, 2])
    };
    vec![case("cross_covariance", Reduce::Sum), case("cross_covariance/matrix", Reduce::No)]
}
