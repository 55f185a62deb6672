//! Sums of numbers that are given by their logarithms.

use crate::{
    autograd::Variable,
    functions::math::{exp, log, sum_axes},
};

/// Stands for the logarithm of zero: any path through it is as good as impossible, and no difference of two is NaN.
pub(super) const NEVER: f64 = -1e10;

/// `log(sum(exp(x)))` along an axis, which is dropped.
#[track_caller]
pub(super) fn logsumexp(x: &Variable, axis: isize) -> Variable {
    let largest = x.data().max(Some(&[axis]), true);
    let kept = Variable::constant(largest.clone());
    let squeezed = Variable::constant(largest.squeeze(Some(&[axis])));
    log(&sum_axes(&exp(&(x - kept)), Some(&[axis]), false)) + squeezed
}
