use super::broadcast_to;
use crate::{
    autograd::{Case, Variable},
    shape,
    tensor::{Tensor, expect},
};

/// Arrays repeated to their common shape by NumPy's rules; copies nothing.
///
/// # Panics
/// When shapes do not broadcast together.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: [usize; 2]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let ys = F::broadcast(&[&ones([3, 1]), &ones([1, 4])]);
/// assert_eq!(ys[1].shape()[..], [3, 4]);
/// ```
#[track_caller]
pub fn broadcast(xs: &[&Variable]) -> Vec<Variable> {
    let tensors: Vec<&Tensor> = xs.iter().map(|x| x.data()).collect();
    let shapes: Vec<_> = xs.iter().map(|x| x.shape()).collect();
    let shape = expect("broadcast", shape::broadcast(&shapes), &tensors);
    let mut ys = Vec::with_capacity(xs.len());
    for x in xs {
        ys.push(broadcast_to(x, &shape));
    }
    ys
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("broadcast", |x| broadcast(&[&x[0], &x[1]])).input([3, 1]).input([1, 4]),
        Case::many("broadcast/three", |x| broadcast(&[&x[0], &x[1], &x[2]])).input([2]).input(()).input([3, 1]),
    ]
}
