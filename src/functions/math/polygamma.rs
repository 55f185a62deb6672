use crate::{
    autograd::{Case, Variable},
    functions::math::{digamma, zeta},
};

/// Derivative number `n` of [`digamma`], which is number zero.
///
/// For `n > 0` it is infinite at zero and NaN below. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::polygamma(1, &x).item().unwrap() - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn polygamma(n: u32, x: &Variable) -> Variable {
    if n == 0 {
        return digamma(x);
    }
    let factorial: f64 = (1..=n).map(f64::from).product();
    zeta(f64::from(n) + 1.0, x) * if n % 2 == 1 { factorial } else { -factorial }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("polygamma", |x| polygamma(1, &x[0])).input_in([3, 5], 0.5, 5.0).tolerance(2e-5),
        Case::new("polygamma/zero", |x| polygamma(0, &x[0])).input_in([3, 5], 0.5, 5.0).tolerance(2e-5),
        Case::new("polygamma/two", |x| polygamma(2, &x[0])).input_in([3, 5], 0.8, 5.0).tolerance(2e-5),
    ]
}
