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

/// The distribution function of the normal distribution: the probability of a value up to `x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.0f32, &Device::cpu()));
/// assert!((F::ndtr(&x).item().unwrap() - 0.5).abs() < 1e-6);
/// ```
#[track_caller]
pub fn ndtr(x: &Variable) -> Variable {
    map(Ndtr, [x])
}

impl Tensor {
    /// The normal distribution function: see [`ndtr`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn ndtr(&self) -> Tensor {
        map_tensors(Ndtr, [self])
    }
}

#[derive(Debug, Clone)]
struct Ndtr;

impl Elementwise<1> for Ndtr {
    const NAME: &str = "ndtr";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::HALF * R::erfc(-x * R::of(std::f64::consts::FRAC_1_SQRT_2))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&(square(saved.input(0)) * -0.5)) * (1.0 / (2.0 * std::f64::consts::PI).sqrt())))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("ndtr", |x| ndtr(&x[0])).input_in([3, 9], -3.0, 3.0),
        Case::new("ndtr/limits", |x| ndtr(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0]).into_dyn())
            .order(0),
    ]
}
