use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::digamma,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/roots.wgsl"),
    wgsl!("math/trigonometric.wgsl"),
    wgsl!("math/gamma.wgsl"),
];

/// The logarithm of the absolute value of the gamma function; infinite at zero and at negative integers.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(3.0f32, &Device::cpu()));
/// assert!((F::lgamma(&x).item().unwrap() - 2f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn lgamma(x: &Variable) -> Variable {
    map(Lgamma, [x])
}

impl Tensor {
    /// `ln |Gamma(x)|`: see [`lgamma`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn lgamma(&self) -> Tensor {
        map_tensors(Lgamma, [self])
    }
}

#[derive(Debug, Clone)]
struct Lgamma;

impl Elementwise<1> for Lgamma {
    const NAME: &str = "lgamma";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::lgamma(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * digamma(saved.input(0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("lgamma", |x| lgamma(&x[0])).input_in([3, 9], 0.2, 6.0),
        Case::new("lgamma/negative", |x| lgamma(&x[0])).input_in([20], -0.9, -0.1).order(1),
        Case::new("lgamma/limits", |x| lgamma(&x[0]))
            .exact(arr1(&[0.0, -1.0, -2.0, f64::INFINITY, f64::NAN, 1.0, 2.0, 100.0, -2.5]).into_dyn())
            .order(0),
    ]
}
