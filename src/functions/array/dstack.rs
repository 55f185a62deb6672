use super::hstack::{joined, joined_tensors};
use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

/// Arrays joined along their third axis; matrices get one of length 1, vectors of `n` become `(1, n, 1)`.
///
/// # Panics
/// When there is none, or other lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::dstack(&[&x, &x]).shape()[..], [2, 3, 2]);
/// ```
#[track_caller]
pub fn dstack(xs: &[&Variable]) -> Variable {
    let _named = crate::shape::named("dstack");
    joined(xs, 2, aligned)
}

impl Tensor {
    /// Tensors joined along their third axis: see [`dstack`].
    ///
    /// # Panics
    /// As [`dstack`].
    #[track_caller]
    pub fn dstack(tensors: &[&Tensor]) -> Tensor {
        let _named = crate::shape::named("dstack");
        joined_tensors(tensors, 2, aligned)
    }
}

fn aligned(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [] => vec![1, 1, 1],
        [n] => vec![1, n, 1],
        [m, n] => vec![m, n, 1],
        _ => shape.to_vec(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("dstack", |x| dstack(&[&x[0], &x[1]])).input([2, 3, 1]).input([2, 3, 2]),
        Case::new("dstack/matrices", |x| dstack(&[&x[0], &x[1]])).input([2, 3]).input([2, 3]),
        Case::new("dstack/vectors", |x| dstack(&[&x[0], &x[1]])).input([3]).input([3]),
        Case::new("dstack/scalars", |x| dstack(&[&x[0], &x[1]])).input(()).input(()),
    ]
}
