use crate::tensor::HostArray;
use ndarray::{ArrayD, arr0};

/// What one member of an `.npz` file holds.
///
/// ```
/// use catena::serializers::NpyValue;
/// assert_eq!(NpyValue::from(6_i64).to_i64(), Some(6));
/// assert_eq!(NpyValue::from("[]").as_str(), Some("[]"));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NpyValue {
    /// An array of one of catena's dtypes.
    Array(HostArray),
    /// 64-bit signed integers, which Chainer uses for counters.
    I64(ArrayD<i64>),
    /// Unicode strings, which Chainer uses for logs; trailing NULs are not kept, as in NumPy.
    Text(ArrayD<String>),
    /// Chainer's mark for a value that was not there: a pickled object array of `None`.
    None,
}

impl NpyValue {
    /// The lengths of the axes; none for [`NpyValue::None`].
    pub fn shape(&self) -> &[usize] {
        match self {
            NpyValue::Array(a) => a.shape(),
            NpyValue::I64(a) => a.shape(),
            NpyValue::Text(a) => a.shape(),
            NpyValue::None => &[],
        }
    }

    /// What it is, as NumPy names it, for messages: `float32[2, 3]`.
    pub fn describe(&self) -> String {
        match self {
            NpyValue::Array(a) => format!("{}{:?}", a.dtype(), a.shape()),
            NpyValue::I64(a) => format!("int64{:?}", a.shape()),
            NpyValue::Text(a) => format!("str{:?}", a.shape()),
            NpyValue::None => "None".into(),
        }
    }

    /// Whether it is [`NpyValue::None`].
    pub fn is_none(&self) -> bool {
        matches!(self, NpyValue::None)
    }

    /// The array, where it has one of catena's dtypes.
    pub fn as_array(&self) -> Option<&HostArray> {
        match self {
            NpyValue::Array(a) => Some(a),
            _ => None,
        }
    }

    /// The array itself, where it has one of catena's dtypes.
    pub fn into_array(self) -> Option<HostArray> {
        match self {
            NpyValue::Array(a) => Some(a),
            _ => None,
        }
    }

    /// The only element, where that is an integer.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            NpyValue::I64(a) => only(a),
            NpyValue::Array(HostArray::I32(a)) => only(a).map(i64::from),
            NpyValue::Array(HostArray::U32(a)) => only(a).map(i64::from),
            NpyValue::Array(HostArray::U8(a)) => only(a).map(i64::from),
            _ => None,
        }
    }

    /// The only element, where that is a number.
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            NpyValue::I64(a) => only(a).map(|v| v as f64),
            NpyValue::Array(HostArray::Bool(_)) => None,
            NpyValue::Array(a) if a.len() == 1 => a.to_f64().into_iter().next(),
            _ => None,
        }
    }

    /// The only element, where that is a truth value.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            NpyValue::Array(HostArray::Bool(a)) => only(a),
            _ => None,
        }
    }

    /// The only element, where that is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            NpyValue::Text(a) if a.len() == 1 => a.first().map(String::as_str),
            _ => None,
        }
    }
}

fn only<T: Copy>(a: &ArrayD<T>) -> Option<T> {
    if a.len() == 1 { a.first().copied() } else { None }
}

impl From<HostArray> for NpyValue {
    fn from(a: HostArray) -> NpyValue {
        NpyValue::Array(a)
    }
}

impl From<ArrayD<i64>> for NpyValue {
    fn from(a: ArrayD<i64>) -> NpyValue {
        NpyValue::I64(a)
    }
}

impl From<ArrayD<String>> for NpyValue {
    fn from(a: ArrayD<String>) -> NpyValue {
        NpyValue::Text(a)
    }
}

impl From<i64> for NpyValue {
    fn from(v: i64) -> NpyValue {
        NpyValue::I64(arr0(v).into_dyn())
    }
}

impl From<&str> for NpyValue {
    fn from(v: &str) -> NpyValue {
        NpyValue::from(v.to_string())
    }
}

impl From<String> for NpyValue {
    fn from(v: String) -> NpyValue {
        NpyValue::Text(arr0(v).into_dyn())
    }
}

macro_rules! from_scalar {
    ($($t:ty),*) => {$(
        impl From<$t> for NpyValue {
            fn from(v: $t) -> NpyValue {
                NpyValue::Array(HostArray::from(arr0(v).into_dyn()))
            }
        }
    )*};
}
from_scalar!(f32, f64, i32, u32, u8, bool);

macro_rules! from_array {
    ($($t:ty),*) => {$(
        impl From<ArrayD<$t>> for NpyValue {
            fn from(a: ArrayD<$t>) -> NpyValue {
                NpyValue::Array(HostArray::from(a))
            }
        }
    )*};
}
from_array!(half::f16, f32, f64, i32, u32, u8, bool);
