use super::{concat, with_shape};
use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

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
    joined(xs, axis, aligned)
}

impl Tensor {
    /// Tensors joined along their second axis, vectors along their only one: see [`hstack`].
    ///
    /// # Panics
    /// As [`hstack`].
    #[track_caller]
    pub fn hstack(tensors: &[&Tensor]) -> Tensor {
        let _named = crate::shape::named("hstack");
        let axis = isize::from(tensors.iter().all(|x| x.ndim() > 1));
        joined_tensors(tensors, axis, aligned)
    }
}

fn aligned(shape: &[usize]) -> Vec<usize> {
    if shape.is_empty() { vec![1] } else { shape.to_vec() }
}

/// The arrays under other shapes, joined.
#[track_caller]
pub(super) fn joined(xs: &[&Variable], axis: isize, shape: fn(&[usize]) -> Vec<usize>) -> Variable {
    let mut aligned = Vec::with_capacity(xs.len());
    for x in xs {
        aligned.push(with_shape(x, shape(x.shape())));
    }
    concat(&aligned.iter().collect::<Vec<_>>(), axis)
}

/// The tensors under other shapes, joined.
#[track_caller]
pub(super) fn joined_tensors(xs: &[&Tensor], axis: isize, shape: fn(&[usize]) -> Vec<usize>) -> Tensor {
    let aligned: Vec<Tensor> = xs.iter().map(|x| x.with_shape(&shape(x.shape()).into())).collect();
    Tensor::concat(&aligned.iter().collect::<Vec<_>>(), axis)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("hstack", |x| hstack(&[&x[0], &x[1]])).input([2, 3]).input([2, 2]),
        Case::new("hstack/vectors", |x| hstack(&[&x[0], &x[1]])).input([2]).input([3]),
        Case::new("hstack/scalars", |x| hstack(&[&x[0], &x[1]])).input(()).input(()),
    ]
}
