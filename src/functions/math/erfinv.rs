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

/// The inverse of the error function; infinite at -1 and 1, NaN outside.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.842_700_8f32, &Device::cpu()));
/// assert!((F::erfinv(&x).item().unwrap() - 1.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn erfinv(x: &Variable) -> Variable {
    map(Erfinv, [x])
}

impl Tensor {
    /// The inverse of the error function: see [`erfinv`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn erfinv(&self) -> Tensor {
        map_tensors(Erfinv, [self])
    }
}

#[derive(Debug, Clone)]
struct Erfinv;

impl Elementwise<1> for Erfinv {
    const NAME: &str = "erfinv";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        super::special::erfinv(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&square(saved.output(0))) * (std::f64::consts::PI.sqrt() / 2.0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("erfinv", |x| erfinv(&x[0])).input_in([3, 9], -0.95, 0.95),
        Case::new("erfinv/limits", |x| erfinv(&x[0]))
            .exact(arr1(&[1.0, -1.0, 1.5, f64::NAN, 0.0, 1e-6, 0.9990234375, -0.99993896484375]).into_dyn())
            .order(0),
    ]
}
