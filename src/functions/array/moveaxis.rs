use super::transpose;
use crate::{
    autograd::{Case, Variable},
    shape::{self, InvalidType, ensure},
    tensor::expect,
};

/// Axes `source` moved to the positions `destination`, the others in their order; copies nothing.
///
/// # Panics
/// When an axis is out of range or repeated, or the two lists differ in length.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::moveaxis(&x, &[0], &[-1]).shape()[..], [3, 4, 2]);
/// ```
#[track_caller]
pub fn moveaxis(x: &Variable, source: &[isize], destination: &[isize]) -> Variable {
    let places = |axes: &[isize]| -> Result<Vec<usize>, InvalidType> {
        shape::axes(Some(axes), x.ndim())?;
        axes.iter().map(|&a| shape::axis(a, x.ndim())).collect()
    };
    let order = || {
        let (from, to) = (places(source)?, places(destination)?);
        ensure!(from.len() == to.len(), format!("{} destinations", from.len()), "{}", to.len());
        let mut moves: Vec<(usize, usize)> = to.into_iter().zip(from.iter().copied()).collect();
        moves.sort_unstable();
        let mut order: Vec<usize> = (0..x.ndim()).filter(|a| !from.contains(a)).collect();
        moves.into_iter().for_each(|(to, from)| order.insert(to, from));
        Ok(order.into_iter().map(|a| a as isize).collect::<Vec<_>>())
    };
    transpose(x, Some(&expect("moveaxis", order(), &[x.data()])))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("moveaxis", |x| moveaxis(&x[0], &[0], &[-1])).input([2, 3, 4]),
        Case::new("moveaxis/several", |x| moveaxis(&x[0], &[0, -1], &[-1, 0])).input([2, 3, 4]),
        Case::new("moveaxis/none", |x| moveaxis(&x[0], &[], &[])).input([2, 3]),
    ]
}
