use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map},
        math::square,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The angle of the point `(x, y)`, in `-pi ..= pi`, over the broadcast shape.
///
/// Floats of one dtype.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let v = |v: f32| Variable::constant(Tensor::scalar(v, &Device::cpu()));
/// assert!((F::arctan2(&v(1.0), &v(-1.0)).item().unwrap() - 0.75 * std::f64::consts::PI).abs() < 1e-6);
/// ```
#[track_caller]
pub fn arctan2(y: &Variable, x: &Variable) -> Variable {
    map(Arctan2, [y, x])
}

#[derive(Debug, Clone)]
struct Arctan2;

impl Elementwise<2> for Arctan2 {
    const NAME: &str = "arctan2";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([y, x]: [R; 2], []: [R; 0]) -> R {
        R::atan2(y, x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (y, x) = (saved.input(0), saved.input(1));
        let scaled = gy / (square(x) + square(y));
        [saved.needs(0).then(|| x * &scaled), saved.needs(1).then(|| -(y * &scaled))]
    }
}

impl Tensor {
    /// The angle of `(x, self)`: see [`arctan2`].
    ///
    /// # Panics
    /// As [`arctan2`].
    #[track_caller]
    pub fn arctan2(&self, x: &Tensor) -> Tensor {
        arctan2(&Variable::constant(self.clone()), &Variable::constant(x.clone())).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let i = f64::INFINITY;
    vec![
        Case::new("arctan2", |x| arctan2(&x[0], &x[1])).input_in([3, 4], -3.0, 3.0).input_in([3, 4], 0.5, 2.0),
        Case::new("arctan2/behind", |x| arctan2(&x[0], &x[1])).input_in([5], 0.5, 2.0).input_in([3, 1], -2.0, -0.5),
        Case::new("arctan2/limits", |x| arctan2(&x[0], &x[1]))
            .exact(arr1(&[0.0, -0.0, 0.0, -0.0, 1.0, -1.0, i, -i, i, 0.0, f64::NAN]).into_dyn())
            .exact(arr1(&[0.0, 0.0, -1.0, -1.0, 0.0, 0.0, i, -i, 1.0, 5.0, 1.0]).into_dyn())
            .order(0),
    ]
}
