use super::transpose;
use crate::{
    autograd::{Case, Variable},
    shape::{self, ensure},
    tensor::expect,
};

/// Axis `axis` moved back until it stands before what was axis `start`; copies nothing.
///
/// # Panics
/// When `axis` is out of range, or `start` is not within `-ndim ..= ndim`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::rollaxis(&x, 2, 0).shape()[..], [4, 2, 3]);
/// ```
#[track_caller]
pub fn rollaxis(x: &Variable, axis: isize, start: isize) -> Variable {
    let order = || {
        let n = x.ndim() as isize;
        let axis = shape::axis(axis, x.ndim())?;
        ensure!((-n..=n).contains(&start), format!("-{n} <= start <= {n}"), "start = {start}");
        let start = (if start < 0 { start + n } else { start }) as usize;
        let mut order: Vec<isize> = (0..n).filter(|&a| a != axis as isize).collect();
        order.insert(if start > axis { start - 1 } else { start }, axis as isize);
        Ok(order)
    };
    transpose(x, Some(&expect("rollaxis", order(), &[x.data()])))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("rollaxis", |x| rollaxis(&x[0], 2, 0)).input([2, 3, 4]),
        Case::new("rollaxis/to_end", |x| rollaxis(&x[0], 0, 3)).input([2, 3, 4]),
        Case::new("rollaxis/negative", |x| rollaxis(&x[0], -1, -2)).input([2, 3, 4]),
    ]
}
