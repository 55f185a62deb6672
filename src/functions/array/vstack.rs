use super::hstack::joined;
use crate::autograd::{Case, Variable};

/// Arrays joined along their first axis; vectors become the rows of a matrix.
///
/// # Panics
/// When there is none, or other lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([3], DType::F32, &Device::cpu()));
/// assert_eq!(F::vstack(&[&x, &x]).shape()[..], [2, 3]);
/// ```
#[track_caller]
pub fn vstack(xs: &[&Variable]) -> Variable {
    let _named = crate::shape::named("vstack");
    joined(xs, 0, |shape| match *shape {
        [] => vec![1, 1],
        [n] => vec![1, n],
        _ => shape.to_vec(),
    })
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("vstack", |x| vstack(&[&x[0], &x[1]])).input([2, 3]).input([1, 3]),
        Case::new("vstack/vectors", |x| vstack(&[&x[0], &x[1]])).input([3]).input([3]),
        Case::new("vstack/scalars", |x| vstack(&[&x[0], &x[1]])).input(()).input(()),
    ]
}
