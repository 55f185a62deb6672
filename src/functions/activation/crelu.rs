use crate::{
    autograd::{Case, Variable},
    functions::{activation::relu, array::concat},
};
use ndarray::arr2;

/// Concatenated rectified linear unit along axis 1: see [`crelu_axis`].
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [1, 2], &Device::cpu()));
/// assert_eq!(F::crelu(&x).data().to_vec::<f32>().unwrap(), [0.0, 2.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn crelu(x: &Variable) -> Variable {
    crelu_axis(x, 1)
}

/// `max(x, 0)` and `max(-x, 0)` joined along `axis`, which becomes twice as long.
///
/// The gradient at exactly zero is zero. Any shape with that axis; floats.
///
/// # Panics
/// When `x` is no float or `axis` is out of range.
#[track_caller]
pub fn crelu_axis(x: &Variable, axis: isize) -> Variable {
    let _named = crate::shape::named("crelu");
    concat(&[&relu(x), &relu(&-x)], axis)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("crelu", |x| crelu(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("crelu/axis0", |x| crelu_axis(&x[0], 0)).input([3, 5]).avoiding(0.0),
        Case::new("crelu/last", |x| crelu_axis(&x[0], -1)).input([2, 3, 4]).avoiding(0.0),
        Case::new("crelu/kink", |x| crelu(&x[0])).exact(arr2(&[[0.0f64, 1.0, -1.0]]).into_dyn()).order(0),
    ]
}
