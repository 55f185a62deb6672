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

/// The arcsine, in `-pi/2 ..= pi/2`; NaN outside of `-1 ..= 1`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.5f32, &Device::cpu()));
/// assert!((F::arcsin(&x).item().unwrap() - 0.5f64.asin()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn arcsin(x: &Variable) -> Variable {
    map(Arcsin, [x])
}

impl Tensor {
    /// The arcsine: see [`arcsin`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arcsin(&self) -> Tensor {
        map_tensors(Arcsin, [self])
    }
}

#[derive(Debug, Clone)]
struct Arcsin;

impl Elementwise<1> for Arcsin {
    const NAME: &str = "arcsin";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::asin(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * rsqrt(&(1.0 - square(saved.input(0)))))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("arcsin", |x| arcsin(&x[0])).input_in([3, 9], -0.9, 0.9),
        Case::new("arcsin/limits", |x| arcsin(&x[0]))
            .exact(arr1(&[1.0, -1.0, 1.5, f64::NAN, 0.5, -0.5]).into_dyn())
            .order(0),
    ]
}
