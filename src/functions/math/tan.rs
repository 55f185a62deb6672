use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::square,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/roots.wgsl"), wgsl!("math/trigonometric.wgsl")];

/// The tangent.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert!((F::tan(&x).item().unwrap() - 1f64.tan()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn tan(x: &Variable) -> Variable {
    map(Tan, [x])
}

impl Tensor {
    /// The tangent: see [`tan`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn tan(&self) -> Tensor {
        map_tensors(Tan, [self])
    }
}

#[derive(Debug, Clone)]
struct Tan;

impl Elementwise<1> for Tan {
    const NAME: &str = "tan";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::tan(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * (square(saved.output(0)) + 1.0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tan", |x| tan(&x[0])).input_in([3, 5], -1.2, 1.2),
        Case::new("tan/large", |x| tan(&x[0]))
            .exact(
                arr1(&[1000.0, -10000.0, 123456.0, -10000001.0, 100000000.0, 1023.5, 1024.5, -3.1415927410125732])
                    .into_dyn(),
            )
            .order(0),
        Case::new("tan/limits", |x| tan(&x[0])).exact(arr1(&[f64::INFINITY, f64::NAN, 0.0]).into_dyn()).order(0),
    ]
}
