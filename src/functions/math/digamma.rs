use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::polygamma,
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

/// The derivative of [`lgamma`](crate::functions::lgamma); infinite at zero, NaN at negative integers.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::digamma(&x).item().unwrap() - -0.577_215_66).abs() < 1e-6);
/// ```
#[track_caller]
pub fn digamma(x: &Variable) -> Variable {
    map(Digamma, [x])
}

impl Tensor {
    /// The derivative of `lgamma`: see [`digamma`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn digamma(&self) -> Tensor {
        map_tensors(Digamma, [self])
    }
}

#[derive(Debug, Clone)]
struct Digamma;

impl Elementwise<1> for Digamma {
    const NAME: &str = "digamma";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::digamma(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * polygamma(1, saved.input(0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("digamma", |x| digamma(&x[0])).input_in([3, 9], 0.2, 6.0),
        Case::new("digamma/negative", |x| digamma(&x[0])).input_in([20], -0.9, -0.1).order(0),
        Case::new("digamma/limits", |x| digamma(&x[0]))
            .exact(arr1(&[0.0, -1.0, -2.0, f64::INFINITY, f64::NAN, 1.0, 2.0, 100.0, -2.5]).into_dyn())
            .order(0),
    ]
}
