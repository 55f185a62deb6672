use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        activation::relu,
        family::{Elementwise, map},
    },
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/exponential.wgsl"),
    wgsl!("activation/elu.wgsl"),
];

/// Exponential linear unit with alpha 1: see [`elu_with`].
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-100.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::elu(&x).data().to_vec::<f32>().unwrap(), [-1.0, 2.0]);
/// ```
#[track_caller]
pub fn elu(x: &Variable) -> Variable {
    elu_with(x, 1.0)
}

/// Exponential linear unit: `x` where it is positive, else `alpha * (e^x - 1)`.
///
/// The gradient at exactly zero is `alpha`. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn elu_with(x: &Variable, alpha: f64) -> Variable {
    let _named = crate::shape::named("elu");
    if alpha < 0.0 {
        // The output does not show the sign of the input then.
        return relu(x) * 2.0 - map(Elu(-alpha), [x]);
    }
    map(Elu(alpha), [x])
}

#[derive(Debug, Clone)]
struct Elu(f64);

impl Elementwise<1, 1> for Elu {
    const NAME: &str = "elu";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [alpha]: [R; 1]) -> R {
        R::select(x <= R::ZERO, alpha * R::exp_m1(x), x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(EluGrad(self.0), [saved.output(0), gy]))]
    }
}

/// `gy`, times `y + alpha` where `y <= 0`.
#[derive(Debug, Clone)]
struct EluGrad(f64);

impl Elementwise<2, 1> for EluGrad {
    const NAME: &str = "elu_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([y, gy]: [R; 2], [alpha]: [R; 1]) -> R {
        R::select(y > R::ZERO, gy, gy * (y + alpha))
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        let (y, gy) = (saved.input(0), saved.input(1));
        let positive = || Variable::constant(y.data().greater(&y.data().full_like(0.0)));
        let zeros = || Variable::constant(y.data().full_like(0.0));
        [
            saved.needs(0).then(|| crate::functions::where_(&positive(), &zeros(), &(ggx * gy))),
            saved.needs(1).then(|| map(EluGrad(self.0), [y, ggx])),
        ]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let kink = || arr1(&[0.0f64, 1.0, -1.0, -300.0, f64::NAN]).into_dyn();
    vec![
        Case::new("elu", |x| elu(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("elu/alpha", |x| elu_with(&x[0], 0.5)).input_in([3, 5], -4.0, 4.0).avoiding(0.0),
        Case::new("elu/negative_alpha", |x| elu_with(&x[0], -0.5)).input([3, 5]).avoiding(0.0),
        Case::new("elu/kink", |x| elu(&x[0])).exact(kink()).order(0),
        Case::new("elu/kink_gradient", |x| map(EluGrad(0.5), [&x[0], &x[1]])).exact(kink()).input([5]).order(0),
    ]
}
