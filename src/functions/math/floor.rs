use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/rounding.wgsl")];

/// The largest integer not above `x`; it has no gradient.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.5f32, -1.5], [2], &Device::cpu()));
/// assert_eq!(F::floor(&x).data().to_vec::<f32>().unwrap(), [1.0, -2.0]);
/// ```
#[track_caller]
pub fn floor(x: &Variable) -> Variable {
    map(Floor, [x])
}

impl Tensor {
    /// The largest integer not above: see [`floor`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn floor(&self) -> Tensor {
        map_tensors(Floor, [self])
    }
}

#[derive(Debug, Clone)]
struct Floor;

impl Elementwise<1> for Floor {
    const NAME: &str = "floor";
    const FILES: &[Wgsl] = FILES;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::floor(x)
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 1] {
        [None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("floor", |x| floor(&x[0]))
            .input_in([3, 5], -3.0, 3.0)
            .avoiding(-2.0)
            .avoiding(-1.0)
            .avoiding(0.0)
            .avoiding(1.0)
            .avoiding(2.0),
        Case::new("floor/limits", |x| floor(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 2.0, -2.0, 1e9]).into_dyn())
            .order(0),
    ]
}
