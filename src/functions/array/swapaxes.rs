use super::transpose;
use crate::{
    autograd::{Case, Variable},
    shape,
    tensor::{Tensor, expect},
};

/// Two axes exchanged; copies nothing.
///
/// # Panics
/// When an axis is out of range.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::swapaxes(&x, 0, -1).shape()[..], [4, 3, 2]);
/// ```
#[track_caller]
pub fn swapaxes(x: &Variable, axis1: isize, axis2: isize) -> Variable {
    transpose(x, Some(&swapped(x.data(), axis1, axis2)))
}

impl Tensor {
    /// Two axes exchanged.
    ///
    /// # Panics
    /// When an axis is out of range.
    #[track_caller]
    pub fn swapaxes(&self, axis1: isize, axis2: isize) -> Tensor {
        self.transpose(Some(&swapped(self, axis1, axis2)))
    }
}

#[track_caller]
fn swapped(x: &Tensor, axis1: isize, axis2: isize) -> Vec<isize> {
    let place = |axis| expect("swapaxes", shape::axis(axis, x.ndim()), &[x]);
    let mut order: Vec<isize> = (0..x.ndim() as isize).collect();
    order.swap(place(axis1), place(axis2));
    order
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("swapaxes", |x| swapaxes(&x[0], 0, 2)).input([2, 3, 4]),
        Case::new("swapaxes/negative", |x| swapaxes(&x[0], -1, 1)).input([2, 3, 4]),
        Case::new("swapaxes/same", |x| swapaxes(&x[0], 0, 0)).input([2, 3]),
    ]
}
