use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{exp, square},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/error.wgsl")];

/// The complement of the error function, `1 - erf(x)`, which keeps the digits of its tail.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::erfc(&x).item().unwrap() - 0.157_299_2).abs() < 1e-6);
/// ```
#[track_caller]
pub fn erfc(x: &Variable) -> Variable {
    map(Erfc, [x])
}

impl Tensor {
    /// `1 - erf(x)`: see [`erfc`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn erfc(&self) -> Tensor {
        map_tensors(Erfc, [self])
    }
}

#[derive(Debug, Clone)]
struct Erfc;

impl Elementwise<1> for Erfc {
    const NAME: &str = "erfc";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::erfc(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&-square(saved.input(0))) * -std::f64::consts::FRAC_2_SQRT_PI))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("erfc", |x| erfc(&x[0])).input_in([3, 9], -3.0, 3.0),
        Case::new("erfc/tail", |x| erfc(&x[0])).exact(arr1(&[3.0, 4.0, 5.0, 6.0]).into_dyn()).order(0).tolerance(1e-9),
        Case::new("erfc/limits", |x| erfc(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 1e-6, -6.0]).into_dyn())
            .order(0),
    ]
}
