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

/// The inverse of [`erfc`](crate::functions::erfc); infinite at 0 and 2, NaN outside.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(0.157_299_2f32, &Device::cpu()));
/// assert!((F::erfcinv(&x).item().unwrap() - 1.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn erfcinv(x: &Variable) -> Variable {
    map(Erfcinv, [x])
}

impl Tensor {
    /// The inverse of `erfc`: see [`erfcinv`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn erfcinv(&self) -> Tensor {
        map_tensors(Erfcinv, [self])
    }
}

#[derive(Debug, Clone)]
struct Erfcinv;

impl Elementwise<1> for Erfcinv {
    const NAME: &str = "erfcinv";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        super::special::erfcinv(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (exp(&square(saved.output(0))) * (-std::f64::consts::PI.sqrt() / 2.0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("erfcinv", |x| erfcinv(&x[0])).input_in([3, 9], 0.05, 1.95),
        Case::new("erfcinv/limits", |x| erfcinv(&x[0]))
            .exact(arr1(&[0.0, 2.0, 2.5, -0.5, f64::NAN, 1.0, 1e-6, 1e-20]).into_dyn())
            .order(0),
    ]
}
