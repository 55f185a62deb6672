//! Views: other shapes of the same elements, without a copy.

use super::Tensor;
use crate::shape::{self, InvalidType, Shape, Slice, View};

/// Panics at the caller's line with the text of a failed check.
#[track_caller]
pub(crate) fn expect<T>(operator: &str, result: Result<T, InvalidType>, inputs: &[&Tensor]) -> T {
    match result {
        Ok(v) => v,
        Err(e) => {
            let metas: Vec<_> = inputs.iter().map(|t| t.meta()).collect();
            panic!("{}", shape::invalid(operator, &e, &metas))
        }
    }
}

impl Tensor {
    /// The axes in another order, reversed for `None`: `y[i, j] = x[j, i]`.
    ///
    /// # Panics
    /// When `axes` is not a permutation.
    #[track_caller]
    pub fn transpose(&self, axes: Option<&[isize]>) -> Tensor {
        let axes = expect("transpose", shape::permutation(axes, self.ndim()), &[self]);
        self.with_view(self.view.permute(&axes))
    }

    /// Repeats axes of length 1, and new leading axes, to `shape`.
    ///
    /// # Panics
    /// When the shape does not broadcast to it.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        expect("broadcast_to", shape::broadcast_to(self.shape(), &shape), &[self]);
        self.with_view(self.view.broadcast_to(&shape))
    }

    /// A basic index, as NumPy's `x[1, 2:5, ::-1, None]`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]);
    /// assert_eq!(x.slice(&[Slice::Index(1), (1..3usize).into()]).to_vec::<f32>().unwrap(), [4.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// When there are more indices than axes, or one is out of range.
    #[track_caller]
    pub fn slice(&self, index: &[Slice]) -> Tensor {
        expect("slice", shape::basic_index(self.shape(), index), &[self]);
        self.with_view(self.view.slice(index))
    }

    /// A new axis of length 1 before position `axis`.
    ///
    /// # Panics
    /// When `axis` is not within `-ndim - 1 ..= ndim`.
    #[track_caller]
    pub fn expand_dims(&self, axis: isize) -> Tensor {
        let axis = expect("expand_dims", shape::axis(axis, self.ndim() + 1), &[self]);
        let mut view = self.view.clone();
        view.shape = view.shape.insert(axis, 1);
        view.strides.insert(axis, 0);
        self.with_view(view)
    }

    /// Without axes of length 1: all of them for `None`.
    ///
    /// # Panics
    /// When an axis named is not of length 1.
    #[track_caller]
    pub fn squeeze(&self, axes: Option<&[isize]>) -> Tensor {
        let drop = match axes {
            None => (0..self.ndim()).filter(|&i| self.shape()[i] == 1).collect(),
            Some(_) => {
                let axes = expect("squeeze", shape::axes(axes, self.ndim()), &[self]);
                for &a in &axes {
                    let n = self.shape()[a];
                    let one = if n == 1 {
                        Ok(())
                    } else {
                        Err(InvalidType::new(format!("x.shape[{a}] == 1"), format!("{n} != 1")))
                    };
                    expect("squeeze", one, &[self]);
                }
                axes
            }
        };
        let keep: Vec<usize> = (0..self.ndim()).filter(|i| !drop.contains(i)).collect();
        self.with_view(self.view.permute(&keep))
    }

    /// `size` neighbours from `start` on along `axis`.
    pub(crate) fn narrow(&self, axis: usize, start: usize, size: usize) -> Tensor {
        let mut view = self.view.clone();
        view.offset = (view.offset as isize + view.strides[axis] * start as isize) as usize;
        view.shape = view.shape.with(axis, size);
        self.with_view(view)
    }

    /// The view under another shape, where no copy is needed.
    pub(crate) fn try_reshape_view(&self, shape: &Shape) -> Option<Tensor> {
        self.view.reshape(shape).map(|view: View| self.with_view(view))
    }
}
