use super::{split_axis, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::{self, ensure},
    tensor::expect,
};

/// Every position of an axis by itself, without the axis; copies nothing.
///
/// # Panics
/// When the axis is out of range or empty.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// let parts = F::separate(&x, 1);
/// assert_eq!((parts.len(), parts[0].shape()[..] == [2, 4]), (3, true));
/// ```
#[track_caller]
pub fn separate(x: &Variable, axis: isize) -> Vec<Variable> {
    let place = || {
        let axis = shape::axis(axis, x.ndim())?;
        ensure!(x.shape()[axis] > 0, format!("x.shape[{axis}] > 0"), "{}", x.shape());
        Ok(axis)
    };
    let axis = expect("separate", place(), &[x.data()]);
    let parts = split_axis(x, x.shape()[axis], axis as isize);
    let shape = x.shape().remove(axis);
    parts.iter().map(|part| with_shape(part, &shape)).collect()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("separate", |x| separate(&x[0], 1)).input([2, 3, 2]),
        Case::many("separate/vector", |x| separate(&x[0], -1)).input([3]),
    ]
}
