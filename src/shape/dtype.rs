//! Element types.

use half::f16;
use std::fmt;

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64; on the CPU only.
    F64,
    /// 32-bit signed integer.
    I32,
    /// 32-bit unsigned integer.
    U32,
    /// Byte.
    U8,
    /// Truth value.
    Bool,
}

impl DType {
    /// Every dtype, narrow to wide.
    pub const ALL: [DType; 7] = [DType::Bool, DType::U8, DType::U32, DType::I32, DType::F16, DType::F32, DType::F64];

    /// Bytes of one element in host memory.
    pub const fn size(self) -> usize {
        match self {
            DType::U8 | DType::Bool => 1,
            DType::F16 => 2,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F64 => 8,
        }
    }

    /// Whether it is one of the floating-point types.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::F32 | DType::F64)
    }

    /// The name, as NumPy spells it.
    pub const fn name(self) -> &'static str {
        match self {
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::U8 => "uint8",
            DType::Bool => "bool",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that can be a tensor's element.
pub trait Element: Copy + Send + Sync + PartialEq + fmt::Debug + 'static {
    /// Its [`DType`].
    const DTYPE: DType;
    /// Zero, or false.
    const ZERO: Self;
    /// One, or true.
    const ONE: Self;
    /// The nearest value of this type; false only from zero.
    fn from_f64(v: f64) -> Self;
    /// The value, exactly.
    fn to_f64(self) -> f64;
}

macro_rules! element {
    ($($t:ty, $dtype:ident, $zero:expr, $one:expr, $from:expr, $to:expr;)*) => {$(
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const ZERO: $t = $zero;
            const ONE: $t = $one;
            #[inline]
            fn from_f64(v: f64) -> $t {
                $from(v)
            }
            #[inline]
            fn to_f64(self) -> f64 {
                $to(self)
            }
        }
    )*};
}

element! {
    f16, F16, f16::ZERO, f16::ONE, f16::from_f64, f16::to_f64;
    f32, F32, 0.0, 1.0, |v| v as f32, f64::from;
    f64, F64, 0.0, 1.0, |v| v, |v| v;
    i32, I32, 0, 1, |v| v as i32, f64::from;
    u32, U32, 0, 1, |v| v as u32, f64::from;
    u8, U8, 0, 1, |v| v as u8, f64::from;
    bool, Bool, false, true, |v| v != 0.0, |v| f64::from(u8::from(v));
}
