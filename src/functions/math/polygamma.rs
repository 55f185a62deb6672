use crate::{
    autograd::{Case, Variable},
    functions::{
        array::where_,
        math::{digamma, zeta, zeta_each},
    },
    shape::{DType, ensure},
    tensor::expect,
};

/// Derivative number `n` of [`digamma`], which is number zero.
///
/// For `n > 0` it is infinite at zero and at negative integers. Any shape; floats.
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
    let _named = crate::shape::named("polygamma");
    if n == 0 {
        return digamma(x);
    }
    let factorial: f64 = (1..=n).map(f64::from).product();
    zeta(f64::from(n) + 1.0, x) * if n % 2 == 1 { factorial } else { -factorial }
}

/// As [`polygamma`], with a number `n` of derivatives, `int32`, for each element of the broadcast shape.
///
/// # Panics
/// When shapes do not broadcast together, `n` is no integer, or `x` no float.
///
/// ```
/// # use catena::prelude::*;
/// let n = Variable::constant(Tensor::from_slice(&[0, 1], [2], &Device::cpu()));
/// let y = F::polygamma_each(&n, &Variable::constant(Tensor::scalar(1.0f32, &Device::cpu())));
/// assert!((y.data().to_vec::<f32>().unwrap()[0] + 0.577_215_7).abs() < 1e-6);
/// ```
#[track_caller]
pub fn polygamma_each(n: &Variable, x: &Variable) -> Variable {
    let _named = crate::shape::named("polygamma");
    let check = || {
        ensure!(n.dtype(), ==, DType::I32);
        ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
        Ok(())
    };
    expect("polygamma", check(), &[n.data(), x.data()]);
    let n = n.data().cast(x.dtype());
    let some = n.maximum(&n.full_like(1.0));
    let odd = some.sub(&some.mul_scalar(0.5).floor().mul_scalar(2.0));
    let factor = some.add_scalar(1.0).lgamma().exp().mul(&odd.mul_scalar(2.0).add_scalar(-1.0));
    let high = zeta_each(&Variable::constant(some.add_scalar(1.0)), x) * Variable::constant(factor);
    where_(&Variable::constant(n.less(&n.full_like(0.5))), &digamma(x), &high)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("polygamma", |x| polygamma(1, &x[0])).input_in([3, 5], 0.5, 5.0).tolerance(2e-5),
        Case::new("polygamma/zero", |x| polygamma(0, &x[0])).input_in([3, 5], 0.5, 5.0).tolerance(2e-5),
        Case::new("polygamma/each", |x| polygamma_each(&x[0], &x[1]))
            .integers([3, 1], 0, 4)
            .input_in([3, 5], 0.8, 5.0)
            .tolerance(2e-5),
        Case::new("polygamma/negative", |x| polygamma(1, &x[0]))
            .exact(ndarray::arr1(&[-0.5, -1.3, -2.6]).into_dyn())
            .tolerance(1e-4),
        Case::new("polygamma/two", |x| polygamma(2, &x[0])).input_in([3, 5], 0.8, 5.0).tolerance(2e-5),
    ]
}
