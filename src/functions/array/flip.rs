use super::get_item;
use crate::{
    autograd::{Case, Variable},
    shape::{self, Slice, ensure},
    tensor::{Tensor, expect},
};

const BACKWARDS: Slice = Slice::Range(None, None, -1);

/// `x` with an axis in reverse order; copies nothing.
///
/// # Panics
/// When the axis is out of range.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(3, &Device::cpu()));
/// assert_eq!(F::flip(&x, 0).data().to_vec::<f32>().unwrap(), [2.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn flip(x: &Variable, axis: isize) -> Variable {
    get_item(x, &backwards(x.data(), axis))
}

/// As [`flip`], along axis 1: left and right exchanged.
///
/// # Panics
/// When `x` has fewer than two axes.
#[track_caller]
pub fn fliplr(x: &Variable) -> Variable {
    expect("fliplr", at_least(x, 2), &[x.data()]);
    flip(x, 1)
}

/// As [`flip`], along axis 0: up and down exchanged.
///
/// # Panics
/// When `x` is a scalar.
#[track_caller]
pub fn flipud(x: &Variable) -> Variable {
    expect("flipud", at_least(x, 1), &[x.data()]);
    flip(x, 0)
}

fn at_least(x: &Variable, ndim: usize) -> Result<(), shape::InvalidType> {
    ensure!(x.ndim(), >=, ndim);
    Ok(())
}

impl Tensor {
    /// The tensor with an axis in reverse order.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Tensor {
        self.slice(&backwards(self, axis))
    }

    /// The tensor with several axes in reverse order: all of them for `None`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]);
    /// assert_eq!(x.flip_axes(None).to_vec::<f32>().unwrap(), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn flip_axes(&self, axes: Option<&[isize]>) -> Tensor {
        let axes = expect("flip", shape::axes(axes, self.ndim()), &[self]);
        let index: Vec<Slice> =
            (0..self.ndim()).map(|a| if axes.contains(&a) { BACKWARDS } else { Slice::ALL }).collect();
        self.slice(&index)
    }

    /// The tensor with the positions of an axis moved by `shift`, those past the end to the front.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(4, &Device::cpu());
    /// assert_eq!(x.roll(1, 0).to_vec::<f32>().unwrap(), [3.0, 0.0, 1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Tensor {
        let axis = expect("roll", shape::axis(axis, self.ndim()), &[self]);
        let n = self.shape()[axis];
        if n == 0 {
            return self.clone();
        }
        let cut = (-shift).rem_euclid(n as isize) as usize;
        Tensor::concat(&[&self.narrow(axis, cut, n - cut), &self.narrow(axis, 0, cut)], axis as isize)
    }
}

#[track_caller]
fn backwards(x: &Tensor, axis: isize) -> Vec<Slice> {
    let mut index = vec![Slice::ALL; expect("flip", shape::axis(axis, x.ndim()), &[x])];
    index.push(BACKWARDS);
    index
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("flip", |x| flip(&x[0], 1)).input([2, 3]),
        Case::new("flip/last", |x| flip(&x[0], -1)).input([2, 3, 4]),
        Case::new("flip/lr", |x| fliplr(&x[0])).input([2, 3]),
        Case::new("flip/ud", |x| flipud(&x[0])).input([2, 3]),
        Case::new("flip/roll", |x| Variable::constant(x[0].data().roll(-2, 1))).input([2, 5]).order(0),
        Case::new("flip/empty", |x| flip(&x[0], 0)).input([0, 3]),
    ]
}
