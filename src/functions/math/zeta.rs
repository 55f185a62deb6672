use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/roots.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/trigonometric.wgsl"),
    wgsl!("math/gamma.wgsl"),
];

/// Hurwitz's zeta function, the sum of `(q + k)^-s` for `k = 0, 1, ..`.
///
/// Infinite at zero, NaN for negative `q`; the derivative is with respect to `q`. Any shape; floats.
///
/// # Panics
/// When `q` is no float, or not `s > 1`.
///
/// ```
/// # use catena::prelude::*;
/// let q = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::zeta(2.0, &q).item().unwrap() - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn zeta(s: f64, q: &Variable) -> Variable {
    assert!(s > 1.0, "zeta: expected s > 1, got {s}");
    map(Zeta(s), [q])
}

#[derive(Debug, Clone)]
struct Zeta(f64);

impl Elementwise<1, 1> for Zeta {
    const NAME: &str = "zeta";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([q]: [R; 1], [s]: [R; 1]) -> R {
        super::special::zeta(s, q)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (map(Zeta(self.0 + 1.0), [saved.input(0)]) * -self.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("zeta", |x| zeta(2.0, &x[0])).input_in([3, 5], 0.5, 5.0).tolerance(2e-5),
        Case::new("zeta/real", |x| zeta(1.5, &x[0])).input_in([3, 5], 0.7, 5.0).tolerance(2e-5),
        Case::new("zeta/limits", |x| zeta(3.0, &x[0]))
            .exact(arr1(&[0.0, -0.5, f64::NAN, 1.0, 30.0]).into_dyn())
            .order(0),
    ]
}
