use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/roots.wgsl")];

/// The square root; NaN below zero.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[4.0f32, 2.25], [2], &Device::cpu()));
/// assert_eq!(F::sqrt(&x).data().to_vec::<f32>().unwrap(), [2.0, 1.5]);
/// ```
#[track_caller]
pub fn sqrt(x: &Variable) -> Variable {
    map(Sqrt, [x])
}

impl Tensor {
    /// The square root: see [`sqrt`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        map_tensors(Sqrt, [self])
    }
}

#[derive(Debug, Clone)]
struct Sqrt;

impl Elementwise<1> for Sqrt {
    const NAME: &str = "sqrt";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::sqrt(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (saved.output(0) * 2.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sqrt", |x| sqrt(&x[0])).input_in([3, 5], 0.5, 3.0),
        Case::new("sqrt/limits", |x| sqrt(&x[0]))
            .exact(arr1(&[0.0, -1.0, f64::INFINITY, f64::NAN, 1e-30, 1e30]).into_dyn())
            .order(0),
    ]
}
