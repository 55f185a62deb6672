use super::{
    Reduce,
    labels::{check_labels, noted, one_hot},
};
use crate::{
    autograd::{Case, Variable},
    functions::{activation::relu, math::sum},
    shape::{DType, ensure},
    tensor::expect,
};

/// The norm of [`hinge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HingeNorm {
    /// The margins violated themselves.
    L1,
    /// Their squares.
    L2,
}

/// The hinge loss of one against all: the sum over classes of `max(0, 1 - s x)`, where `s` is 1 for the labelled class
/// and -1 for the others, or of its square; the mean over the batch.
///
/// `x` has shape `(n, classes)`, `t` of `int32` has shape `(n,)`.
///
/// Launches: 3 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, or a label that came from the host is no class. One that was computed on a device
/// is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::from_slice(&[2.0f32, -0.5], [1, 2], &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[0], [1], &Device::cpu()));
/// assert_eq!(F::hinge(&x, &t, F::HingeNorm::L1).item().unwrap(), 0.5);
/// ```
#[track_caller]
pub fn hinge(x: &Variable, t: &Variable, norm: HingeNorm) -> Variable {
    hinge_with(x, t, norm, Reduce::Mean)
}

/// As [`hinge`]: the mean over the batch, or the loss of each element of `x`.
///
/// # Panics
/// As [`hinge`]; when the sum is asked for, which Chainer does not have.
#[track_caller]
pub fn hinge_with(x: &Variable, t: &Variable, norm: HingeNorm, reduce: Reduce) -> Variable {
    let check = || {
        ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
        ensure!(t.dtype(), ==, DType::I32);
        ensure!(x.ndim(), ==, 2);
        ensure!(t.ndim(), ==, 1);
        ensure!(x.shape()[0], ==, t.shape()[0]);
        ensure!(reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        Ok(())
    };
    expect("hinge", check(), &[x.data(), t.data()]);
    check_labels("hinge", t.data(), x.shape()[1], None);
    let away = one_hot(t.data(), x.shape()[1], x.dtype()).mul_scalar(-2.0).add_scalar(1.0);
    let away = Variable::constant(match noted("hinge", t.data(), x.shape()[1], x.dtype()) {
        Some(zeros) => away.add(&zeros.expand_dims(1)),
        None => away,
    });
    let margin = relu(&(x * away + 1.0));
    let loss = if norm == HingeNorm::L2 { &margin * &margin } else { margin };
    if reduce == Reduce::No { loss } else { sum(&loss) * (1.0 / x.shape()[0].max(1) as f64) }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |what: &str, norm: HingeNorm, reduce: Reduce| {
        let name = format!("hinge/{what}");
        Case::new(name, move |x| hinge_with(&x[0], &x[1], norm, reduce)).input([4, 3]).integers([4], 0, 3)
    };
    vec![
        case("l1", HingeNorm::L1, Reduce::Mean),
        case("l2", HingeNorm::L2, Reduce::Mean),
        case("each", HingeNorm::L2, Reduce::No),
        Case::new("hinge", |x| hinge(&x[0], &x[1], HingeNorm::L1)).input_in([5, 2], -2.0, 2.0).integers([5], 0, 2),
    ]
}
