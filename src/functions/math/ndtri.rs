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

/// The inverse of [`ndtr`](crate::functions::ndtr); infinite at 0 and 1, NaN outside.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.5f32, &Device::cpu()));
/// assert!((F::ndtri(&x).item().unwrap() - 0.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn ndtri(x: &Variable) -> Variable {
    map(Ndtri, [x])
}

impl Tensor {
    /// The inverse of `ndtr`: see [`ndtri`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn ndtri(&self) -> Tensor {
        map_tensors(Ndtri, [self])
    }
}

#[derive(Debug, Clone)]
struct Ndtri;

impl Elementwise<1> for Ndtri {
    const NAME: &str = "ndtri";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::of(-std::f64::consts::SQRT_2) * super::special::erfcinv(R::TWO * x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&(square(saved.output(0)) * 0.5)) * (2.0 * std::f64::consts::PI).sqrt()))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("ndtri", |x| ndtri(&x[0])).input_in([3, 9], 0.05, 0.95),
        Case::new("ndtri/limits", |x| ndtri(&x[0]))
            .exact(arr1(&[0.0, 1.0, 1.5, -0.5, f64::NAN, 0.5, 1e-6]).into_dyn())
            .order(0),
    ]
}
