use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{cos, special::has_many_turns},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The sine.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::sin(&x).item().unwrap() - 1f64.sin()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn sin(x: &Variable) -> Variable {
    map(Sin, [x])
}

impl Tensor {
    /// The sine: see [`sin`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn sin(&self) -> Tensor {
        map_tensors(Sin, [self])
    }
}

#[derive(Debug, Clone)]
struct Sin;

impl Elementwise<1> for Sin {
    const NAME: &str = "sin";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::sin(x)
    }

    #[inline(always)]
    fn is_rare<R: Real>([x]: [R; 1]) -> bool {
        has_many_turns(x)
    }

    fn rare<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::of(x.to_f64().sin())
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * cos(saved.input(0)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sin", |x| sin(&x[0])).input_in([3, 5], -3.0, 3.0),
        Case::new("sin/large", |x| sin(&x[0]))
            .exact(
                arr1(&[1000.0, -10000.0, 123456.0, -10000001.0, 100000000.0, 1023.5, 1024.5, -3.1415927410125732])
                    .into_dyn(),
            )
            .order(0)
            .tolerance(1e-6),
        Case::new("sin/limits", |x| sin(&x[0])).exact(arr1(&[f64::INFINITY, f64::NAN, 0.0]).into_dyn()).order(0),
    ]
}
