use super::{Reduce, same_shape};
use crate::{
    autograd::{Case, Variable},
    functions::activation::softplus,
};

/// The negative log-likelihood of `x` under Bernoulli distributions with the logits `y`, `softplus(y) - x y`.
///
/// Floats of one shape; Chainer's default is the sum.
///
/// Launches: 1 forward, 3 backward.
///
/// # Panics
/// When shapes or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::ones([2], DType::F32, &Device::cpu()));
/// let y = Variable::new(Tensor::zeros([2], DType::F32, &Device::cpu()));
/// let loss = F::bernoulli_nll(&x, &y, F::Reduce::Mean);
/// assert!((loss.item().unwrap() - 2f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn bernoulli_nll(x: &Variable, y: &Variable, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("bernoulli_nll");
    same_shape("bernoulli_nll", x, y);
    reduce.apply(softplus(y) - x * y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        Case::new(name, move |x| bernoulli_nll(&x[0], &x[1], reduce)).input_in([3, 4], 0.0, 1.0).input([3, 4])
    };
    vec![
        case("bernoulli_nll", Reduce::Sum),
        case("bernoulli_nll/mean", Reduce::Mean),
        case("bernoulli_nll/each", Reduce::No),
    ]
}
