use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/roots.wgsl")];

/// `1 / sqrt(x)`; infinite at zero, NaN below.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[4.0f32, 0.25], [2], &Device::cpu()));
/// assert_eq!(F::rsqrt(&x).data().to_vec::<f32>().unwrap(), [0.5, 2.0]);
/// ```
#[track_caller]
pub fn rsqrt(x: &Variable) -> Variable {
    map(Rsqrt, [x])
}

impl Tensor {
    /// `1 / sqrt(x)`: see [`rsqrt`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn rsqrt(&self) -> Tensor {
        map_tensors(Rsqrt, [self])
    }
}

#[derive(Debug, Clone)]
struct Rsqrt;

impl Elementwise<1> for Rsqrt {
    const NAME: &str = "rsqrt";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::rsqrt(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        let y = saved.output(0);
        [Some(gy * (y * y * y) * -0.5)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("rsqrt", |x| rsqrt(&x[0])).input_in([3, 5], 0.5, 3.0),
        Case::new("rsqrt/limits", |x| rsqrt(&x[0]))
            .exact(arr1(&[0.0, -1.0, f64::INFINITY, f64::NAN, 1e-30, 1e30]).into_dyn())
            .order(0),
    ]
}
