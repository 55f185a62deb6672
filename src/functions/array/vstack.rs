use super::hstack::{joined, joined_tensors};
use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

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
    joined(xs, 0, aligned)
}

impl Tensor {
    /// Tensors joined along their first axis; vectors become the rows of a matrix: see [`vstack`].
    ///
    /// # Panics
    /// As [`vstack`].
    #[track_caller]
    pub fn vstack(tensors: &[&Tensor]) -> Tensor {
        let _named = crate::shape::named("vstack");
        joined_tensors(tensors, 0, aligned)
    }
}

fn aligned(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [] => vec![1, 1],
        [n] => vec![1, n],
        _ => shape.to_vec(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("vstack", |x| vstack(&[&x[0], &x[1]])).input([2, 3]).input([1, 3]),
        Case::new("vstack/vectors", |x| vstack(&[&x[0], &x[1]])).input([3]).input([3]),
        Case::new("vstack/scalars", |x| vstack(&[&x[0], &x[1]])).input(()).input(()),
    ]
}
