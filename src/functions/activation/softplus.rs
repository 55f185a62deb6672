use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        activation::sigmoid,
        family::{Elementwise, map},
    },
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("activation/sigmoid.wgsl"),
    wgsl!("activation/softplus.wgsl"),
];

/// Softplus, `ln(1 + e^x)`: see [`softplus_with`].
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-200.0f32, 200.0], [2], &Device::cpu()));
/// assert_eq!(F::softplus(&x).data().to_vec::<f32>().unwrap(), [0.0, 200.0]);
/// ```
#[track_caller]
pub fn softplus(x: &Variable) -> Variable {
    softplus_with(x, 1.0)
}

/// Softplus, `ln(1 + e^(beta * x)) / beta`: a smooth `relu`, for any finite `x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn softplus_with(x: &Variable, beta: f64) -> Variable {
    map(Softplus(beta), [x])
}

#[derive(Debug, Clone)]
struct Softplus(f64);

impl Elementwise<1, 1> for Softplus {
    const NAME: &str = "softplus";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [beta]: [R; 1]) -> R {
        R::ln_1p_exp(x * beta) / beta
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(SoftplusGrad(self.0), [saved.input(0), gy]))]
    }
}

/// `gy * sigmoid(beta * x)`
#[derive(Debug, Clone)]
struct SoftplusGrad(f64);

impl Elementwise<2, 1> for SoftplusGrad {
    const NAME: &str = "softplus_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x, gy]: [R; 2], [beta]: [R; 1]) -> R {
        gy * R::sigmoid(x * beta)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        let of_x = saved.needs(0).then(|| {
            let s = sigmoid(&(saved.input(0) * self.0));
            ggx * saved.input(1) * (&s * (1.0 - &s)) * self.0
        });
        [of_x, saved.needs(1).then(|| map(SoftplusGrad(self.0), [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("softplus", |x| softplus(&x[0])).input([3, 5]),
        Case::new("softplus/beta", |x| softplus_with(&x[0], 2.5)).input_in([3, 5], -4.0, 4.0),
        Case::new("softplus/limits", |x| softplus(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 500.0, -500.0, 0.0]).into_dyn())
            .order(0),
    ]
}
