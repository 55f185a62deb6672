use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/rounding.wgsl")];

/// `x` without its fraction, rounded towards zero; it has no gradient.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.5f32, -1.5], [2], &Device::cpu()));
/// assert_eq!(F::fix(&x).data().to_vec::<f32>().unwrap(), [1.0, -1.0]);
/// ```
#[track_caller]
pub fn fix(x: &Variable) -> Variable {
    map(Fix, [x])
}

impl Tensor {
    /// Rounded towards zero: see [`fix`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn fix(&self) -> Tensor {
        map_tensors(Fix, [self])
    }
}

#[derive(Debug, Clone)]
struct Fix;

impl Elementwise<1> for Fix {
    const NAME: &str = "fix";
    const FILES: &[Wgsl] = FILES;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::trunc(x)
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 1] {
        [None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("fix", |x| fix(&x[0]))
            .input_in([3, 5], -3.0, 3.0)
            .avoiding(-2.0)
            .avoiding(-1.0)
            .avoiding(0.0)
            .avoiding(1.0)
            .avoiding(2.0),
        Case::new("fix/limits", |x| fix(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, 2.0, -2.0, 1e9]).into_dyn())
            .order(0),
    ]
}
