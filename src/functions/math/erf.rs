use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{exp, square},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/error.wgsl")];

/// The error function, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::erf(&x).item().unwrap() - 0.842_700_8).abs() < 1e-6);
/// ```
#[track_caller]
pub fn erf(x: &Variable) -> Variable {
    map(Erf, [x])
}

impl Tensor {
    /// The error function: see [`erf`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn erf(&self) -> Tensor {
        map_tensors(Erf, [self])
    }
}

#[derive(Debug, Clone)]
struct Erf;

impl Elementwise<1> for Erf {
    const NAME: &str = "erf";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::erf(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&-square(saved.input(0))) * std::f64::consts::FRAC_2_SQRT_PI))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("erf", |x| erf(&x[0])).input_in([3, 9], -3.0, 3.0),
        Case::new("erf/limits", |x| erf(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 1e-6, 6.0]).into_dyn())
            .order(0),
    ]
}
