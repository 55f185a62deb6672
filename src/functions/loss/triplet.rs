use super::{Reduce, same_shape};
use crate::{
    autograd::{Case, Variable},
    functions::{
        activation::relu,
        math::{square, sum_axes},
    },
    shape::ensure,
    tensor::expect,
};

/// The triplet loss, `max(0, |a - p|^2 - |a - n|^2 + margin)` for each row of anchors, positives and negatives.
///
/// Floats of one shape `(n, k)`; Chainer's defaults are a margin of 0.2 and the mean over the batch.
///
/// Launches: 4 forward, 6 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, or the margin is not positive.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::new(Tensor::zeros([1, 2], DType::F32, &Device::cpu()));
/// let n = Variable::new(Tensor::ones([1, 2], DType::F32, &Device::cpu()));
/// assert_eq!(F::triplet(&a, &n, &a, 0.5, F::Reduce::Mean).item().unwrap(), 2.5);
/// ```
#[track_caller]
pub fn triplet(anchor: &Variable, positive: &Variable, negative: &Variable, margin: f64, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("triplet");
    let check = || {
        ensure!(anchor.ndim(), ==, 2);
        ensure!(margin, >, 0.0);
        Ok(())
    };
    expect("triplet", check(), &[anchor.data(), positive.data(), negative.data()]);
    same_shape("triplet", anchor, positive);
    same_shape("triplet", anchor, negative);
    let apart = square(&(anchor - positive)) - square(&(anchor - negative));
    reduce.apply(relu(&(sum_axes(&apart, Some(&[1]), false) + margin)))
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, margin: f64, reduce: Reduce| {
        let case = Case::new(name, move |x| triplet(&x[0], &x[1], &x[2], margin, reduce));
        case.input([5, 3]).input([5, 3]).input([5, 3])
    };
    vec![case("triplet", 0.5, Reduce::Mean), case("triplet/each", 2.0, Reduce::No)]
}
