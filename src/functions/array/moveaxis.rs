use super::transpose;
use crate::{
    autograd::{Case, Variable},
    shape::{self, InvalidType, ensure},
    tensor::{Tensor, expect},
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
    transpose(x, Some(&moved(x.data(), source, destination)))
}

impl Tensor {
    /// Axes moved to other positions: see [`moveaxis`].
    ///
    /// # Panics
    /// As [`moveaxis`].
    #[track_caller]
    pub fn moveaxis(&self, source: &[isize], destination: &[isize]) -> Tensor {
        self.transpose(Some(&moved(self, source, destination)))
    }
}

/// The order of the axes afterwards.
#[track_caller]
fn moved(x: &Tensor, source: &[isize], destination: &[isize]) -> Vec<isize> {
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
    expect("moveaxis", order(), &[x])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("moveaxis", |x| moveaxis(&x[0], &[0], &[-1])).input([2, 3, 4]),
        Case::new("moveaxis/several", |x| moveaxis(&x[0], &[0, -1], &[-1, 0])).input([2, 3, 4]),
        Case::new("moveaxis/none", |x| moveaxis(&x[0], &[], &[])).input([2, 3]),
    ]
}
