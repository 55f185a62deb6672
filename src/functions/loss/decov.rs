use super::{Reduce, cross_covariance::covariance};
use crate::{
    autograd::{Case, Variable},
    functions::math::{square, sum},
    shape::ensure,
    tensor::{HostArray, Tensor, expect},
};
use ndarray::Array2;

/// How far the columns of `h` are from being uncorrelated over the batch: half the sum of squares of their covariance
/// matrix without its diagonal, or with [`Reduce::No`] that matrix.
///
/// `h` is `(n, k)`.
///
/// Launches: 8 forward, 10 backward.
///
/// # Panics
/// When `h` is no float matrix, or the mean is asked for, which Chainer does not have.
///
/// ```
/// # use catena::prelude::*;
/// let h = Variable::new(Tensor::from_slice(&[1.0f32, 1.0, -1.0, -1.0], [2, 2], &Device::cpu()));
/// assert_eq!(F::decov(&h, F::Reduce::Sum).item().unwrap(), 1.0);
/// ```
#[track_caller]
pub fn decov(h: &Variable, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("decov");
    let check = || {
        ensure!(h.ndim(), ==, 2);
        ensure!(reduce != Reduce::Mean, "reduce: half the sum of squares or none", "the mean");
        Ok(())
    };
    expect("decov", check(), &[h.data()]);
    let k = h.shape()[1];
    let off = Array2::from_shape_fn((k, k), |(i, j)| f32::from(u8::from(i != j)));
    let off = Tensor::from_host(HostArray::from(off.into_dyn()), h.device()).expect("every device holds f32");
    let covariance = covariance(h, h) * Variable::constant(off.cast(h.dtype()));
    if reduce == Reduce::No { covariance } else { sum(&square(&covariance)) * 0.5 }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| Case::new(name, move |x| decov(&x[0], reduce)).input([5, 3]);
    vec![case("decov", Reduce::Sum), case("decov/matrix", Reduce::No)]
}
