use super::{concat, with_shape};
use crate::autograd::{Case, Variable};

/// Arrays joined along their second axis, vectors along their only one; scalars become a vector.
///
/// # Panics
/// When there is none, or other lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::hstack(&[&x, &x]).shape()[..], [2, 6]);
/// ```
#[track_caller]
pub fn hstack(xs: &[&Variable]) -> Variable {
    let _named = crate::shape::named("hstack");
    let axis = isize::from(xs.iter().all(|x| x.ndim() > 1));
    joined(xs, axis, |shape| if shape.is_empty() { vec![1] } else { shape.to_vec() })
}

/// The arrays under other shapes, joined.
#[track_caller]
pub(super) fn joined(xs: &[&Variable], axis: isize, shape: impl Fn(&[usize]) -> Vec<usize>) -> Variable {
    let mut aligned = Vec::with_capacity(xs.len());
    for x in xs {
        aligned.push(with_shape(x, shape(x.shape())));
    }
    concat(&aligned.iter().collect::<Vec<_>>(), axis)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("hstack", |x| hstack(&[&x[0], &x[1]])).input([2, 3]).input([2, 2]),
        Case::new("hstack/vectors", |x| hstack(&[&x[0], &x[1]])).input([2]).input([3]),
        Case::new("hstack/scalars", |x| hstack(&[&x[0], &x[1]])).input(()).input(()),
    ]
}
