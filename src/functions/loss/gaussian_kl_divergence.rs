use super::{Reduce, same_shape};
use crate::{
    autograd::{Case, Variable},
    functions::math::{exp, square},
};

/// The Kullback-Leibler divergence of the normal distribution of `mean` and variance `exp(ln_var)` from the standard
/// one, `(mean^2 + exp(ln_var) - ln_var - 1) / 2`.
///
/// Floats of one shape; Chainer's default is the sum.
///
/// Launches: 2 forward, 3 backward.
///
/// # Panics
/// When shapes or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let zero = Variable::new(Tensor::zeros([3], DType::F32, &Device::cpu()));
/// assert_eq!(F::gaussian_kl_divergence(&zero, &zero, F::Reduce::Sum).item().unwrap(), 0.0);
/// ```
#[track_caller]
pub fn gaussian_kl_divergence(mean: &Variable, ln_var: &Variable, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("gaussian_kl_divergence");
    same_shape("gaussian_kl_divergence", mean, ln_var);
    reduce.apply((square(mean) + exp(ln_var) - ln_var - 1.0) * 0.5)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        Case::new(name, move |x| gaussian_kl_divergence(&x[0], &x[1], reduce)).input([3, 4]).input([3, 4])
    };
    vec![
        case("gaussian_kl_divergence", Reduce::Sum),
        case("gaussian_kl_divergence/mean", Reduce::Mean),
        case("gaussian_kl_divergence/each", Reduce::No),
    ]
}
