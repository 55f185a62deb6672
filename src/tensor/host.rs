//! Arrays on the host, as they come from files and go back to the program.

use crate::shape::DType;
use half::f16;
use ndarray::ArrayD;

/// An `ndarray` array of any of catena's dtypes.
#[derive(Debug, Clone, PartialEq)]
pub enum HostArray {
    /// 16-bit floats.
    F16(ArrayD<f16>),
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// 64-bit floats.
    F64(ArrayD<f64>),
    /// 32-bit signed integers.
    I32(ArrayD<i32>),
    /// 32-bit unsigned integers.
    U32(ArrayD<u32>),
    /// Bytes.
    U8(ArrayD<u8>),
    /// Truth values.
    Bool(ArrayD<bool>),
}

/// Runs one expression for whichever dtype the array has.
macro_rules! each {
    ($array:expr, $a:ident => $body:expr) => {
        match $array {
            HostArray::F16($a) => $body,
            HostArray::F32($a) => $body,
            HostArray::F64($a) => $body,
            HostArray::I32($a) => $body,
            HostArray::U32($a) => $body,
            HostArray::U8($a) => $body,
            HostArray::Bool($a) => $body,
        }
    };
}

impl HostArray {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            HostArray::F16(_) => DType::F16,
            HostArray::F32(_) => DType::F32,
            HostArray::F64(_) => DType::F64,
            HostArray::I32(_) => DType::I32,
            HostArray::U32(_) => DType::U32,
            HostArray::U8(_) => DType::U8,
            HostArray::Bool(_) => DType::Bool,
        }
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        each!(self, a => a.shape())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        each!(self, a => a.len())
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every value as `f64`, which holds each of them exactly.
    pub fn to_f64(&self) -> ArrayD<f64> {
        match self {
            HostArray::F16(a) => a.mapv(|v| v.to_f64()),
            HostArray::F32(a) => a.mapv(f64::from),
            HostArray::F64(a) => a.clone(),
            HostArray::I32(a) => a.mapv(f64::from),
            HostArray::U32(a) => a.mapv(f64::from),
            HostArray::U8(a) => a.mapv(f64::from),
            HostArray::Bool(a) => a.mapv(|v| f64::from(u8::from(v))),
        }
    }

    /// Every value as `f32`, rounded where it must be.
    pub fn to_f32(&self) -> ArrayD<f32> {
        match self {
            HostArray::F32(a) => a.clone(),
            other => other.to_f64().mapv(|v| v as f32),
        }
    }
}

macro_rules! from_array {
    ($($variant:ident $t:ty),*) => {$(
        impl From<ArrayD<$t>> for HostArray {
            fn from(a: ArrayD<$t>) -> HostArray {
                HostArray::$variant(a)
            }
        }
    )*};
}
from_array!(F16 f16, F32 f32, F64 f64, I32 i32, U32 u32, U8 u8, Bool bool);
