use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// The natural logarithm, `ln x`; minus infinity at zero, NaN below.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, std::f32::consts::E], [2], &Device::cpu()));
/// assert_eq!(F::log(&x).data().to_vec::<f32>().unwrap(), [0.0, 1.0]);
/// ```
#[track_caller]
pub fn log(x: &Variable) -> Variable {
    map(Log, [x])
}

impl Tensor {
    /// `ln x`: see [`log`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn log(&self) -> Tensor {
        map_tensors(Log, [self])
    }
}

#[derive(Debug, Clone)]
struct Log;

impl Elementwise<1> for Log {
    const NAME: &str = "log";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::ln(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / saved.input(0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log", |x| log(&x[0])).input_in([3, 5], 0.5, 3.0),
        Case::new("log/near_one", |x| log(&x[0])).input_in([40], 0.99, 1.01).order(0).tolerance(1e-7),
        Case::new("log/limits", |x| log(&x[0]))
            .exact(arr1(&[0.0, -1.0, f64::INFINITY, f64::NAN, 1e-30, 1e30]).into_dyn())
            .order(0),
    ]
}
