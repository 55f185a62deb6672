use super::with_shape;
use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

/// All elements along one axis.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::flatten(&x).shape()[..], [6]);
/// ```
#[track_caller]
pub fn flatten(x: &Variable) -> Variable {
    with_shape(x, [x.size()])
}

impl Tensor {
    /// All elements along one axis, in row-major order; copied only where they do not lie in it.
    pub fn flatten(&self) -> Tensor {
        self.with_shape(&[self.size()].into())
    }

    /// As [`Tensor::flatten`], by NumPy's other name: tensors are not written in place, so that a view does for both.
    pub fn ravel(&self) -> Tensor {
        self.flatten()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("flatten", |x| flatten(&x[0])).input([2, 3]),
        Case::new("flatten/scalar", |x| flatten(&x[0])).input(()),
        Case::new("flatten/empty", |x| flatten(&x[0])).input([2, 0]),
    ]
}
