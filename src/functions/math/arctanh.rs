use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::square,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/exponential.wgsl"),
    wgsl!("math/hyperbolic.wgsl"),
];

/// The inverse of the hyperbolic tangent; infinite at -1 and 1, NaN outside.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.5f32, &Device::cpu()));
/// assert!((F::arctanh(&x).item().unwrap() - 0.5f64.atanh()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn arctanh(x: &Variable) -> Variable {
    map(Arctanh, [x])
}

impl Tensor {
    /// The inverse of tanh: see [`arctanh`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arctanh(&self) -> Tensor {
        map_tensors(Arctanh, [self])
    }
}

#[derive(Debug, Clone)]
struct Arctanh;

impl Elementwise<1> for Arctanh {
    const NAME: &str = "arctanh";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::atanh(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy / (1.0 - square(saved.input(0))))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("arctanh", |x| arctanh(&x[0])).input_in([3, 5], -0.9, 0.9),
        Case::new("arctanh/limits", |x| arctanh(&x[0]))
            .exact(arr1(&[1.0, -1.0, 1.5, f64::NAN, 0.0, 1e-6]).into_dyn())
            .order(0),
    ]
}
