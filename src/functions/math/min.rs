use super::max::{extreme, gradient, ties};
use crate::{
    autograd::{Case, Variable},
    kernel::Reduction,
    tensor::Tensor,
};

/// The smallest element, a scalar.
///
/// # Panics
/// When `x` is no float or empty.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()));
/// assert_eq!(F::min(&x).item().unwrap(), 0.0);
/// ```
#[track_caller]
pub fn min(x: &Variable) -> Variable {
    min_axes(x, None, false)
}

/// The smallest elements over `axes` (all of them for `None`), which are dropped or kept with length 1.
///
/// Every element that equals the smallest gets the full gradient. A NaN is the smallest, and gets none.
///
/// # Panics
/// When `x` is no float, an axis is out of range or repeated, or there is nothing to choose from.
#[track_caller]
pub fn min_axes(x: &Variable, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    extreme(x, Reduction::Min, axes, keepdims)
}

impl Tensor {
    /// The smallest elements over `axes` (all of them for `None`); NaN if any is NaN.
    ///
    /// # Panics
    /// When an axis is out of range or repeated, or there is nothing to choose from.
    #[track_caller]
    pub fn min(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.reduce(Reduction::Min, axes, keepdims)
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("min", |x| min(&x[0])).input([2, 3, 4]),
        Case::new("min/axis", |x| min_axes(&x[0], Some(&[1]), false)).input([2, 3, 4]),
        Case::new("min/axes_kept", |x| min_axes(&x[0], Some(&[0, -1]), true)).input([2, 3, 4]),
        Case::new("min/ties", |x| min_axes(&x[0], Some(&[1]), false)).exact(ties()).order(0),
        Case::new("min/gradient_of_ties", |x| gradient(&min_axes(&x[0], Some(&[1]), false), &x[0]))
            .exact(ties())
            .order(0),
    ]
}
