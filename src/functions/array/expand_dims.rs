use super::with_shape;
use crate::{
    autograd::{Case, Variable},
    shape,
    tensor::expect,
};

/// A new axis of length 1 before position `axis`; copies nothing.
///
/// # Panics
/// When `axis` is not within `-ndim - 1 ..= ndim`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::expand_dims(&x, 1).shape()[..], [2, 1, 3]);
/// ```
#[track_caller]
pub fn expand_dims(x: &Variable, axis: isize) -> Variable {
    let axis = expect("expand_dims", shape::axis(axis, x.ndim() + 1), &[x.data()]);
    with_shape(x, x.shape().insert(axis, 1))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("expand_dims", |x| expand_dims(&x[0], 1)).input([2, 3]),
        Case::new("expand_dims/last", |x| expand_dims(&x[0], -1)).input([2, 3]),
        Case::new("expand_dims/scalar", |x| expand_dims(&x[0], 0)).input(()),
    ]
}
