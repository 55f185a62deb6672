use super::{broadcast_to, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::Shape,
    tensor::Tensor,
};

/// `x` repeated as a whole, `reps[i]` times along axis `i`.
///
/// The shorter of `x.shape()` and `reps` is filled with ones in front.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(2, &Device::cpu()));
/// assert_eq!(F::tile(&x, &[2]).data().to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(F::tile(&x, &[3, 1]).shape()[..], [3, 2]);
/// ```
#[track_caller]
pub fn tile(x: &Variable, reps: &[usize]) -> Variable {
    let ndim = x.ndim().max(reps.len());
    let at = |of: &[usize], i: usize| if i < ndim - of.len() { 1 } else { of[i + of.len() - ndim] };
    let pairs = |once: bool| (0..ndim).flat_map(move |i| [if once { 1 } else { at(reps, i) }, at(x.shape(), i)]);
    let repeated = broadcast_to(&with_shape(x, pairs(true).collect::<Shape>()), pairs(false).collect::<Shape>());
    with_shape(&repeated, (0..ndim).map(|i| at(reps, i) * at(x.shape(), i)).collect::<Shape>())
}

impl Tensor {
    /// Repeated as a whole: see [`tile`].
    pub fn tile(&self, reps: &[usize]) -> Tensor {
        tile(&Variable::constant(self.clone()), reps).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tile", |x| tile(&x[0], &[2, 1, 3])).input([2, 3]),
        Case::new("tile/fewer", |x| tile(&x[0], &[2])).input([2, 3]),
        Case::new("tile/scalar", |x| tile(&x[0], &[2, 3])).input(()),
        Case::new("tile/none", |x| tile(&x[0], &[])).input([2]),
        Case::new("tile/zero_times", |x| tile(&x[0], &[0, 2])).input([2, 3]),
    ]
}
