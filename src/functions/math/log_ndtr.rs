use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::erfcx,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/error.wgsl")];

/// The logarithm of [`ndtr`](crate::functions::ndtr), which does not underflow.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.0f32, &Device::cpu()));
/// assert!((F::log_ndtr(&x).item().unwrap() - 0.5f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn log_ndtr(x: &Variable) -> Variable {
    map(LogNdtr, [x])
}

impl Tensor {
    /// The logarithm of `ndtr`: see [`log_ndtr`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn log_ndtr(&self) -> Tensor {
        map_tensors(LogNdtr, [self])
    }
}

#[derive(Debug, Clone)]
struct LogNdtr;

impl Elementwise<1> for LogNdtr {
    const NAME: &str = "log_ndtr";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        super::special::log_ndtr(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        // The density over its integral, which both underflow far below zero: what scales them cancels.
        let scaled = erfcx(&(saved.input(0) * -std::f64::consts::FRAC_1_SQRT_2));
        [Some(gy * (2.0 / std::f64::consts::PI).sqrt() / scaled)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log_ndtr", |x| log_ndtr(&x[0])).input_in([3, 9], -3.0, 3.0),
        Case::new("log_ndtr/tail", |x| log_ndtr(&x[0])).exact(arr1(&[-1000.0, -100.0, -20.0, 9.0]).into_dyn()).order(1),
        Case::new("log_ndtr/limits", |x| log_ndtr(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NAN, 0.0, -5.0, -20.0, -100.0, 8.0]).into_dyn())
            .order(0),
    ]
}
