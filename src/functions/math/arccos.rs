use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{rsqrt, square},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The arccosine, in `0 ..= pi`; NaN outside of `-1 ..= 1`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.5f32, &Device::cpu()));
/// assert!((F::arccos(&x).item().unwrap() - 0.5f64.acos()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn arccos(x: &Variable) -> Variable {
    map(Arccos, [x])
}

impl Tensor {
    /// The arccosine: see [`arccos`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arccos(&self) -> Tensor {
        map_tensors(Arccos, [self])
    }
}

#[derive(Debug, Clone)]
struct Arccos;

impl Elementwise<1> for Arccos {
    const NAME: &str = "arccos";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::acos(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(-(gy * rsqrt(&(1.0 - square(saved.input(0))))))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("arccos", |x| arccos(&x[0])).input_in([3, 9], -0.9, 0.9),
        Case::new("arccos/limits", |x| arccos(&x[0]))
            .exact(arr1(&[1.0, -1.0, 1.5, f64::NAN, 0.5, -0.5]).into_dyn())
            .order(0),
    ]
}
