use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// The logarithm to base 2; minus infinity at zero, NaN below.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[8.0f32, 0.5], [2], &Device::cpu()));
/// assert_eq!(F::log2(&x).data().to_vec::<f32>().unwrap(), [3.0, -1.0]);
/// ```
#[track_caller]
pub fn log2(x: &Variable) -> Variable {
    map(Log2, [x])
}

impl Tensor {
    /// The logarithm to base 2: see [`log2`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn log2(&self) -> Tensor {
        map_tensors(Log2, [self])
    }
}

#[derive(Debug, Clone)]
struct Log2;

impl Elementwise<1> for Log2 {
    const NAME: &str = "log2";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::log2(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (saved.input(0) * std::f64::consts::LN_2))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log2", |x| log2(&x[0])).input_in([3, 5], 0.5, 3.0),
        Case::new("log2/near_one", |x| log2(&x[0])).input_in([40], 0.9, 1.1).order(0).tolerance(1e-6),
        Case::new("log2/limits", |x| log2(&x[0]))
            .exact(arr1(&[0.0, -1.0, f64::INFINITY, f64::NAN, 1024.0]).into_dyn())
            .order(0),
    ]
}
