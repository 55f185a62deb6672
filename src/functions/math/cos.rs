use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{sin, special::has_many_turns},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The cosine.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::cos(&x).item().unwrap() - 1f64.cos()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn cos(x: &Variable) -> Variable {
    map(Cos, [x])
}

impl Tensor {
    /// The cosine: see [`cos`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn cos(&self) -> Tensor {
        map_tensors(Cos, [self])
    }
}

#[derive(Debug, Clone)]
struct Cos;

impl Elementwise<1> for Cos {
    const NAME: &str = "cos";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::cos(x)
    }

    #[inline(always)]
    fn is_rare<R: Real>([x]: [R; 1]) -> bool {
        has_many_turns(x)
    }

    fn rare<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::of(x.to_f64().cos())
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(-(gy * sin(saved.input(0))))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cos", |x| cos(&x[0])).input_in([3, 5], -3.0, 3.0),
        Case::new("cos/large", |x| cos(&x[0]))
            .exact(
                arr1(&[1000.0, -10000.0, 123456.0, -10000001.0, 100000000.0, 1023.5, 1024.5, -3.1415927410125732])
                    .into_dyn(),
            )
            .order(0)
            .tolerance(1e-6),
        Case::new("cos/limits", |x| cos(&x[0])).exact(arr1(&[f64::INFINITY, f64::NAN, 0.0]).into_dyn()).order(0),
    ]
}
