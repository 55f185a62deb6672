use super::{Reduce, same_shape};
use crate::{
    autograd::{Case, Variable},
    functions::math::{exp, square},
};

/// The negative log-likelihood of `x` under normal distributions,
/// `(ln_var + log(2 pi) + (x - mean)^2 exp(-ln_var)) / 2`.
///
/// Floats of one shape; Chainer's default is the sum.
///
/// Launches: 4 forward, 4 backward.
///
/// # Panics
/// When shapes or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let zero = Variable::new(Tensor::zeros([2], DType::F32, &Device::cpu()));
/// let loss = F::gaussian_nll(&zero, &zero, &zero, F::Reduce::Mean);
/// assert!((loss.item().unwrap() - std::f64::consts::TAU.ln() / 2.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn gaussian_nll(x: &Variable, mean: &Variable, ln_var: &Variable, reduce: Reduce) -> Variable {
    let _named = crate::shape::named("gaussian_nll");
    same_shape("gaussian_nll", x, mean);
    same_shape("gaussian_nll", x, ln_var);
    let far = square(&(x - mean)) * exp(&-ln_var);
    reduce.apply((ln_var + far + std::f64::consts::TAU.ln()) * 0.5)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        let case = Case::new(name, move |x| gaussian_nll(&x[0], &x[1], &x[2], reduce));
        case.input([3, 4]).input([3, 4]).input([3, 4])
    };
    vec![
        case("gaussian_nll", Reduce::Sum),
        case("gaussian_nll/mean", Reduce::Mean),
        case("gaussian_nll/each", Reduce::No),
    ]
}
