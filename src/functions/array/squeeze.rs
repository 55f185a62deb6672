use super::with_shape;
use crate::autograd::{Case, Variable};

/// `x` without axes of length 1: those named, or all of them for `None`; copies nothing.
///
/// # Panics
/// When an axis named is out of range, repeated, or not of length 1.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1, 3, 1], DType::F32, &Device::cpu()));
/// assert_eq!(F::squeeze(&x, None).shape()[..], [3]);
/// assert_eq!(F::squeeze(&x, Some(&[0])).shape()[..], [3, 1]);
/// ```
#[track_caller]
pub fn squeeze(x: &Variable, axes: Option<&[isize]>) -> Variable {
    with_shape(x, x.data().squeeze(axes).shape())
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("squeeze", |x| squeeze(&x[0], None)).input([1, 3, 1]),
        Case::new("squeeze/axis", |x| squeeze(&x[0], Some(&[-1]))).input([1, 3, 1]),
        Case::new("squeeze/none", |x| squeeze(&x[0], Some(&[]))).input([1, 3]),
        Case::new("squeeze/to_scalar", |x| squeeze(&x[0], None)).input([1, 1]),
    ]
}
