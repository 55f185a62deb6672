use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/sign.wgsl")];

/// The sign: -1, 0 or 1.
///
/// NaN stays NaN. The gradient is zero everywhere.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[3.0f32, -2.0], [2], &Device::cpu()));
/// assert_eq!(F::sign(&x).data().to_vec::<f32>().unwrap(), [1.0, -1.0]);
/// ```
#[track_caller]
pub fn sign(x: &Variable) -> Variable {
    map(Sign, [x])
}

impl Tensor {
    /// -1, 0 or 1: see [`sign`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn sign(&self) -> Tensor {
        map_tensors(Sign, [self])
    }
}

#[derive(Debug, Clone)]
struct Sign;

impl Elementwise<1> for Sign {
    const NAME: &str = "sign";
    const FILES: &[Wgsl] = FILES;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::sign(x)
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 1] {
        [None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sign", |x| sign(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("sign/zero", |x| sign(&x[0]))
            .exact(arr1(&[0.0f64, -0.0, f64::NAN, f64::INFINITY]).into_dyn())
            .order(0),
    ]
}
