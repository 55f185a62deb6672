use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// `e^x - 1`, which keeps the digits of a small `x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1e-20f32], [1], &Device::cpu()));
/// assert_eq!(F::expm1(&x).data().to_vec::<f32>().unwrap(), [1e-20]);
/// ```
#[track_caller]
pub fn expm1(x: &Variable) -> Variable {
    map(Expm1, [x])
}

impl Tensor {
    /// `e^x - 1`: see [`expm1`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn expm1(&self) -> Tensor {
        map_tensors(Expm1, [self])
    }
}

#[derive(Debug, Clone)]
struct Expm1;

impl Elementwise<1> for Expm1 {
    const NAME: &str = "expm1";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::exp_m1(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (saved.output(0) + 1.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("expm1", |x| expm1(&x[0])).input_in([3, 5], -2.0, 2.0),
        Case::new("expm1/small", |x| expm1(&x[0])).input_in([40], -1e-4, 1e-4).order(0).tolerance(1e-10),
        Case::new("expm1/limits", |x| expm1(&x[0]))
            .exact(arr1(&[0.0, f64::NEG_INFINITY, -200.0, f64::INFINITY, f64::NAN]).into_dyn())
            .order(0),
    ]
}
