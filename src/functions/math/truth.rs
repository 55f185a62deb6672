//! Whether all elements are true, or any, or how many, and whether those of two tensors are nearly equal.

use crate::{
    autograd::{Saved, Variable},
    error,
    functions::family::{Elementwise, map_tensors, op},
    kernel::Reduction,
    shape::{DType, InvalidType, Meta, same_float},
    tensor::{Real, Scalar, Tensor, Wgsl, wgsl},
};

impl Tensor {
    /// Whether no element is zero over `axes` (all of them for `None`), as `bool`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(3, &Device::cpu());
    /// assert_eq!(x.all(None, false).item().unwrap(), 0.0);
    /// assert_eq!(x.any(None, false).item().unwrap(), 1.0);
    /// ```
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn all(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.cast(DType::Bool).reduce(Reduction::Prod, axes, keepdims).cast(DType::Bool)
    }

    /// Whether an element is not zero over `axes` (all of them for `None`), as `bool`.
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn any(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.cast(DType::Bool).reduce(Reduction::Sum, axes, keepdims).cast(DType::Bool)
    }

    /// The number of elements that are not zero over `axes` (all of them for `None`), as `int32`; NaN is not zero.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// assert_eq!(Tensor::arange(3, &Device::cpu()).count_nonzero(None, false).item().unwrap(), 2.0);
    /// ```
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn count_nonzero(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.cast(DType::Bool).sum(axes, keepdims)
    }

    /// Whether `|self - other| <= atol + rtol * |other|`, element by element over the broadcast shape, as `bool`.
    ///
    /// NaN is near to nothing, and an infinity to itself alone. Integers are compared in `float32`, unless they are equal.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(2, &Device::cpu());
    /// assert_eq!(x.isclose(&x.full_like(1.00001), 1e-4, 0.0).to_vec::<bool>().unwrap(), [false, true]);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ, or shapes do not broadcast.
    #[track_caller]
    pub fn isclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Tensor {
        let _named = crate::shape::named("isclose");
        let near = IsClose { rtol, atol };
        if self.dtype().is_float() {
            return map_tensors(near, [self, other]);
        }
        self.equal(other).logical_or(&map_tensors(near, [&self.cast(DType::F32), &other.cast(DType::F32)]))
    }

    /// Whether all elements are close: see [`Tensor::isclose`]. Waits for the one answer.
    ///
    /// # Errors
    /// Whatever failed on the device while it was computed.
    ///
    /// # Panics
    /// When dtypes or devices differ, or shapes do not broadcast.
    #[track_caller]
    pub fn allclose(&self, other: &Tensor, rtol: f64, atol: f64) -> error::Result<bool> {
        let _named = crate::shape::named("allclose");
        let product = if self.dtype().is_float() {
            // In the type in which they are compared, answers and their product are one kernel.
            let shape = self.isclose(other, rtol, atol).shape().clone();
            let (op, scalars) = (op::<IsClose, 2, 2>(), [rtol, atol].map(Scalar::F));
            Tensor::map(op, &scalars, &[self, other], shape, self.dtype()).reduce(Reduction::Prod, None, false)
        } else {
            self.isclose(other, rtol, atol).all(None, false)
        };
        Ok(product.item()? != 0.0)
    }
}

#[derive(Debug, Clone)]
struct IsClose {
    rtol: f64,
    atol: f64,
}

impl Elementwise<2, 2> for IsClose {
    const NAME: &str = "isclose";
    const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

    fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
        same_float(xs).map(|_| DType::Bool)
    }

    fn scalars(&self) -> [f64; 2] {
        [self.rtol, self.atol]
    }

    fn reference<R: Real>([a, b]: [R; 2], [rtol, atol]: [R; 2]) -> R {
        let near = ((a - b).abs() <= atol + rtol * b.abs()) & (b.abs() < R::INFINITY);
        R::select((a == b) | near, R::ONE, R::ZERO)
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 2] {
        [None, None]
    }
}

#[cfg(test)]
mod tests {
    use crate::{tensor::Tensor, testing::devices};

    #[test]
    fn truth_is_reduced_on_every_device() {
        for device in devices() {
            let x = Tensor::from_slice(&[0.0f32, 2.0, f32::NAN, 0.0, 1.0, 0.5], [2, 3], &device);
            assert_eq!(x.all(Some(&[0]), false).to_vec::<bool>().unwrap(), [false, true, true], "{device}");
            assert_eq!(x.any(Some(&[1]), true).to_vec::<bool>().unwrap(), [true, true]);
            let none = x.slice(&[(0..0).into()]);
            assert_eq!(none.all(None, false).item().unwrap(), 1.0);
            assert_eq!(none.any(None, false).item().unwrap(), 0.0);
            let line = Tensor::linspace(-1.0, 1.0, 5, &device);
            assert_eq!(line.to_vec::<f32>().unwrap(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
            assert!(line.allclose(&line.add_scalar(1e-6), 1e-5, 1e-5).unwrap());
            assert!(!line.allclose(&line.add_scalar(1e-3), 1e-5, 1e-5).unwrap());
            let picked = line.take(&Tensor::from_slice(&[4, 0], [2], &device), 0);
            assert_eq!(picked.to_vec::<f32>().unwrap(), [1.0, -1.0]);
        }
    }
}
