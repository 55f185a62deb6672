use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::cosh,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/exponential.wgsl"),
    wgsl!("math/hyperbolic.wgsl"),
];

/// The hyperbolic sine.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::sinh(&x).item().unwrap() - 1f64.sinh()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn sinh(x: &Variable) -> Variable {
    map(Sinh, [x])
}

impl Tensor {
    /// The hyperbolic sine: see [`sinh`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn sinh(&self) -> Tensor {
        map_tensors(Sinh, [self])
    }
}

#[derive(Debug, Clone)]
struct Sinh;

impl Elementwise<1> for Sinh {
    const NAME: &str = "sinh";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::sinh(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * cosh(saved.input(0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sinh", |x| sinh(&x[0])).input_in([3, 5], -3.0, 3.0),
        Case::new("sinh/limits", |x| sinh(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 1e-6, 60.0]).into_dyn())
            .order(0)
            .tolerance(1e-4),
    ]
}
