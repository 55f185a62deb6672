use crate::{
    autograd::{Case, Variable},
    tensor::Tensor,
};

/// Position of the largest element along an axis, the first of equals, as `int32`; without an axis, that in the
/// flattened `x`.
///
/// There is no gradient. NaN counts as the largest.
///
/// # Panics
/// When the axis is out of range, or there is nothing to choose from.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 3.0, 2.0], [3], &Device::cpu()));
/// assert_eq!(F::argmax(&x, Some(0)).item().unwrap(), 1.0);
/// ```
#[track_caller]
pub fn argmax(x: &Variable, axis: Option<isize>) -> Variable {
    let x = x.data();
    Variable::constant(match axis {
        Some(axis) => x.argmax(axis),
        None => x.argmax_flat(),
    })
}

impl Tensor {
    /// Position of the largest of all elements in row-major order, the first of equals; `int32`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, 0.0, 2.0], [2, 2], &Device::cpu());
    /// assert_eq!(x.argmax_flat().item().unwrap(), 1.0);
    /// ```
    ///
    /// # Panics
    /// When there is nothing to choose from.
    #[track_caller]
    pub fn argmax_flat(&self) -> Tensor {
        self.flatten().argmax(0)
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("argmax", |x| argmax(&x[0], Some(1))).input([3, 5]),
        Case::new("argmax/first", |x| argmax(&x[0], Some(0))).exact(super::max::ties()),
        Case::new("argmax/flat", |x| argmax(&x[0], None)).input([3, 5]),
    ]
}
