use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::square,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The arctangent, in `-pi/2 ..= pi/2`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.5f32, &Device::cpu()));
/// assert!((F::arctan(&x).item().unwrap() - 0.5f64.atan()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn arctan(x: &Variable) -> Variable {
    map(Arctan, [x])
}

impl Tensor {
    /// The arctangent: see [`arctan`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arctan(&self) -> Tensor {
        map_tensors(Arctan, [self])
    }
}

#[derive(Debug, Clone)]
struct Arctan;

impl Elementwise<1> for Arctan {
    const NAME: &str = "arctan";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::atan(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (square(saved.input(0)) + 1.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("arctan", |x| arctan(&x[0])).input_in([3, 9], -3.0, 3.0),
        Case::new("arctan/limits", |x| arctan(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 1.0, 1e-6]).into_dyn())
            .order(0),
    ]
}
