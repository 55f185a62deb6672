use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::sinh,
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

/// The hyperbolic cosine.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::cosh(&x).item().unwrap() - 1f64.cosh()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn cosh(x: &Variable) -> Variable {
    map(Cosh, [x])
}

impl Tensor {
    /// The hyperbolic cosine: see [`cosh`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn cosh(&self) -> Tensor {
        map_tensors(Cosh, [self])
    }
}

#[derive(Debug, Clone)]
struct Cosh;

impl Elementwise<1> for Cosh {
    const NAME: &str = "cosh";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::cosh(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * sinh(saved.input(0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cosh", |x| cosh(&x[0])).input_in([3, 5], -3.0, 3.0),
        Case::new("cosh/limits", |x| cosh(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 1e-6, 60.0]).into_dyn())
            .order(0)
            .tolerance(1e-4),
    ]
}
