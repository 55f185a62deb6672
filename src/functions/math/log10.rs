use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// The logarithm to base 10; minus infinity at zero, NaN below.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(100.0f32, &Device::cpu()));
/// assert!((F::log10(&x).item().unwrap() - 2.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn log10(x: &Variable) -> Variable {
    map(Log10, [x])
}

impl Tensor {
    /// The logarithm to base 10: see [`log10`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn log10(&self) -> Tensor {
        map_tensors(Log10, [self])
    }
}

#[derive(Debug, Clone)]
struct Log10;

impl Elementwise<1> for Log10 {
    const NAME: &str = "log10";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::log10(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (saved.input(0) * std::f64::consts::LN_10))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log10", |x| log10(&x[0])).input_in([3, 5], 0.5, 3.0),
        Case::new("log10/limits", |x| log10(&x[0]))
            .exact(arr1(&[0.0, -1.0, f64::INFINITY, f64::NAN, 1024.0]).into_dyn())
            .order(0),
    ]
}
