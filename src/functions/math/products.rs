//! NumPy's products of vectors, matrices and tensors.

use super::tensordot_axes;
use crate::{
    autograd::Variable,
    shape::ensure,
    tensor::{Tensor, expect},
};

impl Tensor {
    /// NumPy's `dot`: sums of products over the last axis of this tensor and the last but one of `other`, or its only one.
    ///
    /// `(.., k) . (k,)` is `(..)`, `(.., k) . (.., k, n)` is `(.., .., n)`, and with a scalar it is the product. Integers
    /// are multiplied with vectors and scalars alone.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]);
    /// let v = Tensor::arange(3, &Device::cpu());
    /// assert_eq!(v.dot(&v).item().unwrap(), 5.0);
    /// assert_eq!(x.dot(&v).to_vec::<f32>().unwrap(), [5.0, 14.0]);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ, lengths do not fit, or matrices are no floats.
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        let _named = crate::shape::named("dot");
        if self.ndim() == 0 || other.ndim() == 0 {
            return self.mul(other);
        }
        if other.ndim() == 1 && !self.dtype().is_float() {
            let fits = || {
                ensure!(self.shape()[self.ndim() - 1], ==, other.shape()[0]);
                Ok(())
            };
            expect("dot", fits(), &[self, other]);
            return self.mul(other).sum(Some(&[-1]), false);
        }
        let [a, b] = [self, other].map(|t| Variable::constant(t.clone()));
        let axis = if other.ndim() == 1 { -1 } else { -2 };
        tensordot_axes(&a, &b, &[-1], &[axis]).data().clone()
    }

    /// `y[i, j] = self[i] * other[j]` of all elements in row-major order.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(3, &Device::cpu());
    /// assert_eq!(x.outer(&x).to_vec::<f32>().unwrap(), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ.
    #[track_caller]
    pub fn outer(&self, other: &Tensor) -> Tensor {
        self.ravel().expand_dims(1).mul(&other.ravel())
    }
}
