use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        array::cast,
        family::{Elementwise, map},
    },
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
/// Infinite at zero and at negative integers; NaN for other negative `q` unless `s` is an integer. The derivative is with
/// respect to `q`. Any shape; floats.
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

/// As [`zeta`], with an `s` for each element of the broadcast shape.
///
/// Infinite where `s` is 1 and NaN below; `s` gets no gradient, as in Chainer.
///
/// # Panics
/// When shapes do not broadcast together, or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let s = Variable::constant(Tensor::from_slice(&[2.0f32, 4.0], [2], &Device::cpu()));
/// let y = F::zeta_each(&s, &Variable::constant(Tensor::scalar(1.0f32, &Device::cpu())));
/// assert!((y.data().to_vec::<f32>().unwrap()[1] - 1.082_323_2).abs() < 1e-6);
/// ```
#[track_caller]
pub fn zeta_each(s: &Variable, q: &Variable) -> Variable {
    map(ZetaEach, [&s.detach(), q])
}

#[derive(Debug, Clone)]
struct ZetaEach;

impl Elementwise<2> for ZetaEach {
    const NAME: &str = "zeta_each";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([s, q]: [R; 2], []: [R; 0]) -> R {
        let y = super::special::zeta(R::select(s > R::ONE, s, R::of(2.0)), q);
        R::select(s > R::ONE, y, R::select(s == R::ONE, R::of(f64::INFINITY), R::of(f64::NAN)))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (s, q) = (saved.input(0), saved.input(1));
        [None, saved.needs(1).then(|| -(gy * s * zeta_each(&(s + 1.0), q)))]
    }
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
        Case::new("zeta/each", |x| zeta_each(&(cast(&x[0], x[1].dtype()) + 0.5), &x[1]))
            .integers([3, 1], 1, 4)
            .input_in([3, 5], 0.7, 5.0)
            .tolerance(2e-5),
        Case::new("zeta/each_limits", |x| zeta_each(&x[0], &x[1]))
            .exact(arr1(&[1.0, 0.5, f64::NAN, 2.0]).into_dyn())
            .exact(arr1(&[1.0, 1.0, 1.0, 1.0]).into_dyn())
            .order(0),
        Case::new("zeta/negative", |x| zeta(3.0, &x[0]))
            .exact(arr1(&[-0.5, -1.3, -3.75, -20.5]).into_dyn())
            .tolerance(1e-4),
        Case::new("zeta/limits", |x| zeta(3.0, &x[0]))
            .exact(arr1(&[0.0, -2.0, f64::NAN, 1.0, 30.0]).into_dyn())
            .order(0),
        Case::new("zeta/limits_of_fractions", |x| zeta(2.5, &x[0]))
            .exact(arr1(&[0.0, -0.5, f64::NAN, 1.0]).into_dyn())
            .order(0),
    ]
}
