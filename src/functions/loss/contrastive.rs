use super::{
    Reduce,
    labels::{check_labels, noted},
    same_shape,
};
use crate::{
    autograd::{Case, Variable},
    functions::{
        activation::relu,
        math::{sqrt, square, sum_axes},
    },
    shape::{DType, ensure},
    tensor::expect,
};

/// The contrastive loss of pairs of rows, `(y d^2 + (1 - y) max(0, margin - d)^2) / 2` of their distance `d`.
///
/// `x0` and `x1` are floats of one shape `(n, k)`; `y`, `int32` of shape `(n,)`, is 1 for pairs that belong together and
/// 0 for others. Chainer's defaults are a margin of 1 and the mean over the batch.
///
/// Launches: 8 forward, 4 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, the margin is not positive, or a label that came from the host is neither 0 nor 1.
/// One that was computed on a device is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::new(Tensor::from_slice(&[3.0f32, 4.0], [1, 2], &Device::cpu()));
/// let b = Variable::new(Tensor::zeros([1, 2], DType::F32, &Device::cpu()));
/// let together = Variable::constant(Tensor::from_slice(&[1], [1], &Device::cpu()));
/// assert_eq!(F::contrastive(&a, &b, &together, 1.0, F::Reduce::Mean).item().unwrap(), 12.5);
/// ```
#[track_caller]
pub fn contrastive(x0: &Variable, x1: &Variable, y: &Variable, margin: f64, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("contrastive");
    let check = || {
        ensure!(x0.ndim(), ==, 2);
        ensure!(y.dtype(), ==, DType::I32);
        ensure!(y.ndim(), ==, 1);
        ensure!(y.shape()[0], ==, x0.shape()[0]);
        ensure!(margin, >, 0.0);
        Ok(())
    };
    expect("contrastive", check(), &[x0.data(), x1.data(), y.data()]);
    same_shape("contrastive", x0, x1);
    check_labels("contrastive", y.data(), 2, None);
    let together = y.data().cast(x0.dtype());
    let together = Variable::constant(match noted("contrastive", y.data(), 2, x0.dtype()) {
        Some(zeros) => together.add(&zeros),
        None => together,
    });
    let squared = sum_axes(&square(&(x0 - x1)), Some(&[1]), false);
    // Equal rows have no direction to be pushed in: far below any distance that counts, this keeps the root's gradient
    // finite.
    let short = relu(&(margin - sqrt(&(&squared + 1e-30))));
    reduce.apply((&together * squared + (1.0 - &together) * square(&short)) * 0.5)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        let case = Case::new(name, move |x| contrastive(&x[0], &x[1], &x[2], 1.5, reduce));
        case.input([6, 3]).input([6, 3]).integers([6], 0, 2)
    };
    vec![case("contrastive", Reduce::Mean), case("contrastive/each", Reduce::No)]
}
