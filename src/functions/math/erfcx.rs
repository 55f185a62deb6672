use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/error.wgsl")];

/// The scaled complement of the error function, `e^(x^2) * erfc(x)`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::erfcx(&x).item().unwrap() - 0.427_583_6).abs() < 1e-6);
/// ```
#[track_caller]
pub fn erfcx(x: &Variable) -> Variable {
    map(Erfcx, [x])
}

impl Tensor {
    /// `e^(x^2) * erfc(x)`: see [`erfcx`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn erfcx(&self) -> Tensor {
        map_tensors(Erfcx, [self])
    }
}

#[derive(Debug, Clone)]
struct Erfcx;

impl Elementwise<1> for Erfcx {
    const NAME: &str = "erfcx";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS.output(0);

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        super::special::erfcx(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (saved.input(0) * saved.output(0) * 2.0 - std::f64::consts::FRAC_2_SQRT_PI))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("erfcx", |x| erfcx(&x[0])).input_in([3, 9], -1.5, 4.0),
        Case::new("erfcx/limits", |x| erfcx(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 9.5, 10.5, 50.0, 1e5]).into_dyn())
            .order(0),
    ]
}
