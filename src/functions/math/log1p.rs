use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// `ln(1 + x)`, which keeps the digits of a small `x`; minus infinity at -1, NaN below.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1e-20f32], [1], &Device::cpu()));
/// assert_eq!(F::log1p(&x).data().to_vec::<f32>().unwrap(), [1e-20]);
/// ```
#[track_caller]
pub fn log1p(x: &Variable) -> Variable {
    map(Log1p, [x])
}

impl Tensor {
    /// `ln(1 + x)`: see [`log1p`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn log1p(&self) -> Tensor {
        map_tensors(Log1p, [self])
    }
}

#[derive(Debug, Clone)]
struct Log1p;

impl Elementwise<1> for Log1p {
    const NAME: &str = "log1p";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::ln_1p(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (saved.input(0) + 1.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log1p", |x| log1p(&x[0])).input_in([3, 5], -0.7, 3.0),
        Case::new("log1p/small", |x| log1p(&x[0])).input_in([40], -1e-4, 1e-4).order(0).tolerance(1e-10),
        Case::new("log1p/limits", |x| log1p(&x[0]))
            .exact(arr1(&[0.0, -1.0, -2.0, f64::INFINITY, f64::NAN, 1024.0]).into_dyn())
            .order(0),
    ]
}
