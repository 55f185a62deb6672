//! What the order of values tells: places among sorted ones, medians, numbers of each, differences of neighbours.

use crate::{
    error::{Error, Result},
    kernel::Reduction,
    shape::{self, DType, ensure},
    tensor::{Tensor, expect},
};

impl Tensor {
    /// Where each of `values` goes among this tensor's, a vector in ascending order, so that it stays in order: `int32` of
    /// the shape of `values`. Before equal ones, or after them where `right` says so; NaN goes last.
    ///
    /// It takes four sorts of as many elements as both have.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 2.0, 3.0], [4], &Device::cpu());
    /// let v = Tensor::from_slice(&[2.0f32, 0.0, 9.0], [3], &Device::cpu());
    /// assert_eq!(x.searchsorted(&v, false).to_vec::<i32>().unwrap(), [1, 0, 4]);
    /// assert_eq!(x.searchsorted(&v, true).to_vec::<i32>().unwrap(), [3, 0, 4]);
    /// ```
    ///
    /// # Panics
    /// When it is no vector, or dtypes or devices differ.
    #[track_caller]
    pub fn searchsorted(&self, values: &Tensor, right: bool) -> Tensor {
        let _named = crate::shape::named("searchsorted");
        let fits = || {
            ensure!(self.ndim(), ==, 1);
            ensure!(self.dtype(), ==, values.dtype());
            Ok(())
        };
        expect("searchsorted", fits(), &[self, values]);
        let ranks = |t: &Tensor| t.argsort(0).argsort(0);
        let flat = values.ravel();
        // Equal ones stay in the order in which they are joined.
        let (both, at) = if right { ([self, &flat], self.size()) } else { ([&flat, self], 0) };
        let among_both = ranks(&Tensor::concat(&both, 0)).narrow(0, at, flat.size());
        among_both.sub(&ranks(&flat)).with_shape(values.shape())
    }

    /// The middle of the values along an axis (of all of them for `None`) in ascending order, or the mean of the middle
    /// two; NaN where one is NaN, or there is none.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[4.0f32, 1.0, 2.0, 8.0], [4], &Device::cpu());
    /// assert_eq!(x.median(None, false).item().unwrap(), 3.0);
    /// ```
    ///
    /// # Panics
    /// When it is no float, or the axis is out of range.
    #[track_caller]
    pub fn median(&self, axis: Option<isize>, keepdims: bool) -> Tensor {
        let over = || {
            ensure!(self.dtype().is_float(), "x.dtype.kind == f", "{}", self.dtype());
            axis.map_or(Ok(0), |axis| shape::axis(axis, self.ndim()))
        };
        let at = expect("median", over(), &[self]);
        let Some(_) = axis else {
            let y = self.ravel().median(Some(0), false);
            return if keepdims { y.with_shape(&vec![1; self.ndim()].into()) } else { y };
        };
        let n = self.shape()[at];
        let kept = self.shape().with(at, 1);
        let middle = if n == 0 {
            Tensor::full(kept, f64::NAN, self.dtype(), self.device())
        } else {
            let sorted = self.sort(at as isize);
            let (below, above, last) =
                (sorted.narrow(at, (n - 1) / 2, 1), sorted.narrow(at, n / 2, 1), sorted.narrow(at, n - 1, 1));
            let middle = if n % 2 == 1 { below } else { below.add(&above).mul_scalar(0.5) };
            last.isnan().where_(&last, &middle)
        };
        if keepdims { middle } else { middle.squeeze(Some(&[at as isize])) }
    }

    /// How often each of `0, 1, ..` is among the elements of a vector of integers, or the sum of `weights` there; as many
    /// as the largest element asks for, and `minlength` at least. Waits for that element.
    ///
    /// Counts are `int32`, sums of the dtype of `weights`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1i32, 3, 1], [3], &Device::cpu());
    /// assert_eq!(x.bincount(None, 0).unwrap().to_vec::<i32>().unwrap(), [0, 2, 0, 1]);
    /// ```
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] for an element below zero; whatever failed on the device while they were computed.
    ///
    /// # Panics
    /// When it is no vector of integers, or weights are of another shape.
    #[track_caller]
    pub fn bincount(&self, weights: Option<&Tensor>, minlength: usize) -> Result<Tensor> {
        let fits = || {
            ensure!(self.ndim(), ==, 1);
            ensure!(!self.dtype().is_float(), "x.dtype.kind == i", "{}", self.dtype());
            if let Some(weights) = weights {
                ensure!(weights.shape(), ==, self.shape());
            }
            Ok(())
        };
        expect("bincount", fits(), &[self]);
        let dtype = weights.map_or(DType::I32, Tensor::dtype);
        let n = self.size();
        if n == 0 {
            return Ok(Tensor::zeros([minlength], dtype, self.device()));
        }
        let ids = self.cast(DType::I32);
        let extreme = |reduction| ids.reduce(reduction, None, false);
        let found = [extreme(Reduction::Max), extreme(Reduction::Min), ids.argmin(0)];
        let [largest, smallest, position] = Tensor::stack(&found.each_ref(), 0).to_vec::<i32>()?[..] else {
            unreachable!("three were stacked")
        };
        let rows = minlength.max((i64::from(largest) + 1).max(0) as usize);
        if smallest < 0 {
            return Err(Error::IndexOutOfRange {
                operator: "bincount".into(),
                index: i64::from(smallest),
                position: position as usize,
                low: 0,
                high: rows as i64,
            });
        }
        let each = match weights {
            Some(weights) => weights.with_shape(&[n, 1].into()),
            None => Tensor::ones([n, 1], dtype, self.device()),
        };
        Ok(each.add_rows("bincount", &ids, rows, None).with_shape(&[rows].into()))
    }

    /// `y[i] = self[i + 1] - self[i]` along an axis, `n` times over; of `bool`, whether they differ.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 4.0, 9.0, 16.0], [4], &Device::cpu());
    /// assert_eq!(x.diff(1, 0).to_vec::<f32>().unwrap(), [3.0, 5.0, 7.0]);
    /// assert_eq!(x.diff(2, -1).to_vec::<f32>().unwrap(), [2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn diff(&self, n: usize, axis: isize) -> Tensor {
        let axis = expect("diff", shape::axis(axis, self.ndim()), &[self]);
        let mut x = self.clone();
        for _ in 0..n {
            let pairs = x.shape()[axis].saturating_sub(1);
            let (before, after) = (x.narrow(axis, 0, pairs), x.narrow(axis, x.shape()[axis] - pairs, pairs));
            x = if x.dtype() == DType::Bool { after.not_equal(&before) } else { after.sub(&before) };
        }
        x
    }
}
