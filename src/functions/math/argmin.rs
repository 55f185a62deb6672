use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

/// Position of the smallest element along an axis, the first of equals, as `int32`; without an axis, that in the
/// flattened `x`.
///
/// There is no gradient. NaN counts as the smallest.
///
/// # Panics
/// When the axis is out of range, or there is nothing to choose from.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 3.0, 2.0], [3], &Device::cpu()));
/// assert_eq!(F::argmin(&x, Some(0)).item().unwrap(), 0.0);
/// ```
#[track_caller]
pub fn argmin(x: &Variable, axis: Option<isize>) -> Variable {
    let x = x.data();
    Variable::constant(match axis {
        Some(axis) => x.argmin(axis),
        None => x.argmin_flat(),
    })
}

impl Tensor {
    /// Position of the smallest of all elements in row-major order, the first of equals; `int32`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, 0.0, 2.0], [2, 2], &Device::cpu());
    /// assert_eq!(x.argmin_flat().item().unwrap(), 2.0);
    /// ```
    ///
    /// # Panics
    /// When there is nothing to choose from.
    #[track_caller]
    pub fn argmin_flat(&self) -> Tensor {
        self.flatten().argmin(0)
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("argmin", |x| argmin(&x[0], Some(1))).input([3, 5]),
        Case::new("argmin/first", |x| argmin(&x[0], Some(0))).exact(super::max::ties()),
        Case::new("argmin/flat", |x| argmin(&x[0], None)).input([3, 5]),
    ]
}
