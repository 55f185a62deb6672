use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/rounding.wgsl")];

/// The smallest integer not below `x`; it has no gradient.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.5f32, -1.5], [2], &Device::cpu()));
/// assert_eq!(F::ceil(&x).data().to_vec::<f32>().unwrap(), [2.0, -1.0]);
/// ```
#[track_caller]
pub fn ceil(x: &Variable) -> Variable {
    map(Ceil, [x])
}

impl Tensor {
    /// The smallest integer not below: see [`ceil`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn ceil(&self) -> Tensor {
        map_tensors(Ceil, [self])
    }
}

#[derive(Debug, Clone)]
struct Ceil;

impl Elementwise<1> for Ceil {
    const NAME: &str = "ceil";
    const FILES: &[Wgsl] = FILES;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::ceil(x)
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 1] {
        [None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("ceil", |x| ceil(&x[0]))
            .input_in([3, 5], -3.0, 3.0)
            .avoiding(-2.0)
            .avoiding(-1.0)
            .avoiding(0.0)
            .avoiding(1.0)
            .avoiding(2.0),
        Case::new("ceil/limits", |x| ceil(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 2.0, -2.0, 1e9]).into_dyn())
            .order(0),
    ]
}
