//! Whether all elements are true, or any, or those of two tensors nearly equal.

use crate::{error::Result, kernel::Reduction, shape::DType, tensor::Tensor};

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

    /// Whether `|self - other| <= atol + rtol * |other|` everywhere; NaN is near to nothing. Waits for the values.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    ///
    /// # Panics
    /// When shapes differ.
    #[track_caller]
    pub fn allclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Result<bool> {
        assert_eq!(self.shape(), other.shape(), "allclose: tensors of different shapes");
        let (a, b) = (self.to_f64()?, other.to_f64()?);
        Ok(a.iter().zip(&b).all(|(a, b)| a == b || (a - b).abs() <= atol + rtol * b.abs()))
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
