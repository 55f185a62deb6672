//! Comparisons and logic of tensors: results of `bool`, without derivatives.

use crate::{
    autograd::{Saved, Variable},
    functions::family::{Elementwise, map_tensors},
    shape::{DType, InvalidType, Meta, ensure},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

macro_rules! predicate {
    ($name:literal, $op:ident, $arity:literal, $logic:literal, [$($x:ident),*] => $value:expr) => {
        #[derive(Debug, Clone)]
        struct $op;

        impl Elementwise<$arity> for $op {
            const NAME: &str = $name;
            const FILES: &[Wgsl] = FILES;

            fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
                for x in xs {
                    let dtype = if $logic { DType::Bool } else { xs[0].dtype };
                    ensure!(x.dtype == dtype, format!("all of {dtype}"), "{}", x.dtype);
                }
                Ok(DType::Bool)
            }

            fn reference<R: Real>([$($x),*]: [R; $arity], []: [R; 0]) -> R {
                R::select($value, R::ONE, R::ZERO)
            }

            fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; $arity] {
                [const { None }; $arity]
            }
        }
    };
}

predicate!("equal", Equal, 2, false, [a, b] => a == b);
predicate!("not_equal", NotEqual, 2, false, [a, b] => a != b);
predicate!("less", Less, 2, false, [a, b] => a < b);
predicate!("less_equal", LessEqual, 2, false, [a, b] => a <= b);
predicate!("logical_not", Not, 1, true, [a] => a == R::ZERO);
predicate!("logical_and", And, 2, true, [a, b] => (a != R::ZERO) & (b != R::ZERO));
predicate!("logical_or", Or, 2, true, [a, b] => (a != R::ZERO) | (b != R::ZERO));
predicate!("logical_xor", Xor, 2, true, [a, b] => (a != R::ZERO) != (b != R::ZERO));
predicate!("isnan", IsNan, 1, false, [a] => a.is_nan());
predicate!("isinf", IsInf, 1, false, [a] => a.abs() == R::INFINITY);
predicate!("isfinite", IsFinite, 1, false, [a] => a.abs() < R::INFINITY);

/// Comparisons, element by element over the broadcast shape, of tensors of one dtype.
///
/// ```
/// # use catena::prelude::*;
/// let x = Tensor::arange(3, &Device::cpu());
/// assert_eq!(x.greater(&x.full_like(0.0)).to_vec::<bool>().unwrap(), [false, true, true]);
/// ```
impl Tensor {
    /// `self == other`; NaN equals nothing.
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn equal(&self, other: &Tensor) -> Tensor {
        map_tensors(Equal, [self, other])
    }

    /// `self != other`; NaN differs from everything.
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn not_equal(&self, other: &Tensor) -> Tensor {
        map_tensors(NotEqual, [self, other])
    }

    /// `self < other`
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn less(&self, other: &Tensor) -> Tensor {
        map_tensors(Less, [self, other])
    }

    /// `self <= other`
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn less_equal(&self, other: &Tensor) -> Tensor {
        map_tensors(LessEqual, [self, other])
    }

    /// `self > other`
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn greater(&self, other: &Tensor) -> Tensor {
        map_tensors(Less, [other, self])
    }

    /// `self >= other`
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn greater_equal(&self, other: &Tensor) -> Tensor {
        map_tensors(LessEqual, [other, self])
    }

    /// Whether it does not hold.
    ///
    /// # Panics
    /// When it is not of `bool`.
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        map_tensors(Not, [self])
    }

    /// Whether both hold.
    ///
    /// # Panics
    /// When one is not of `bool`, or shapes do not broadcast.
    #[track_caller]
    pub fn logical_and(&self, other: &Tensor) -> Tensor {
        map_tensors(And, [self, other])
    }

    /// Whether either holds.
    ///
    /// # Panics
    /// When one is not of `bool`, or shapes do not broadcast.
    #[track_caller]
    pub fn logical_or(&self, other: &Tensor) -> Tensor {
        map_tensors(Or, [self, other])
    }

    /// Whether one holds and the other does not.
    ///
    /// # Panics
    /// When one is not of `bool`, or shapes do not broadcast.
    #[track_caller]
    pub fn logical_xor(&self, other: &Tensor) -> Tensor {
        map_tensors(Xor, [self, other])
    }

    /// Whether it is NaN; no integer is.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, f32::NAN, f32::INFINITY], [3], &Device::cpu());
    /// assert_eq!(x.isnan().to_vec::<bool>().unwrap(), [false, true, false]);
    /// ```
    pub fn isnan(&self) -> Tensor {
        map_tensors(IsNan, [self])
    }

    /// Whether it is infinite, of either sign; no integer is.
    pub fn isinf(&self) -> Tensor {
        map_tensors(IsInf, [self])
    }

    /// Whether it is neither NaN nor infinite; every integer is finite.
    pub fn isfinite(&self) -> Tensor {
        map_tensors(IsFinite, [self])
    }

    /// With `nan` in the place of NaN, and of the infinities the dtype's largest and smallest number, or those given.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[f32::NAN, f32::INFINITY, 2.0], [3], &Device::cpu());
    /// assert_eq!(x.nan_to_num(0.0, None, None).to_vec::<f32>().unwrap(), [0.0, f32::MAX, 2.0]);
    /// ```
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> Tensor {
        let largest = match self.dtype() {
            DType::F16 => 65_504.0,
            DType::F32 => f64::from(f32::MAX),
            DType::F64 => f64::MAX,
            _ => return self.clone(),
        };
        let zero = Tensor::zeros((), self.dtype(), self.device());
        let (infinite, positive) = (self.isinf(), self.greater(&zero));
        self.masked_fill(&self.isnan(), nan)
            .masked_fill(&infinite.logical_and(&positive), posinf.unwrap_or(largest))
            .masked_fill(&infinite.logical_and(&positive.logical_not()), neginf.unwrap_or(-largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::devices;

    #[test]
    fn comparisons_follow_numpy_on_every_device() {
        for device in devices() {
            let a = Tensor::from_slice(&[1.0f32, 2.0, f32::NAN, 3.0], [4], &device);
            let b = Tensor::from_slice(&[2.0f32], [1], &device);
            let check = |t: Tensor, expected: [bool; 4]| assert_eq!(t.to_vec::<bool>().unwrap(), expected, "{device}");
            check(a.equal(&b), [false, true, false, false]);
            check(a.not_equal(&b), [true, false, true, true]);
            check(a.less(&b), [true, false, false, false]);
            check(a.less_equal(&b), [true, true, false, false]);
            check(a.greater(&b), [false, false, false, true]);
            check(a.greater_equal(&b), [false, true, false, true]);
            check(a.less(&b).logical_or(&a.greater(&b)), [true, false, false, true]);
            check(a.less_equal(&b).logical_and(&a.greater_equal(&b)), [false, true, false, false]);
            check(a.equal(&b).logical_not(), [true, false, true, true]);
            let i = Tensor::from_slice(&[-1i32, 2, 3, 4], [4], &device);
            check(i.less(&i.full_like(3.0)), [true, true, false, false]);
        }
    }
}
