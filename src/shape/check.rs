//! Checks that give both sides of a failed comparison, as Chainer's type checks did.

use super::Meta;
use std::{cell::Cell, fmt::Write};

/// Why an operator cannot take its inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Expect: {expect}\nActual: {actual}")]
pub struct InvalidType {
    /// What the operator needs, as an expression.
    pub expect: String,
    /// What it was given.
    pub actual: String,
}

impl InvalidType {
    /// States what was expected and what came.
    pub fn new(expect: impl Into<String>, actual: impl Into<String>) -> InvalidType {
        InvalidType { expect: expect.into(), actual: actual.into() }
    }
}

thread_local! {
    static CALLED: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// While it lives, messages name the function that was called, not one that it is made of; the outermost counts.
pub(crate) struct Named {
    outermost: bool,
}

/// Names the function that is called on this thread from here on.
pub(crate) fn named(function: &'static str) -> Named {
    let outermost = CALLED.get().is_none();
    if outermost {
        CALLED.set(Some(function));
    }
    Named { outermost }
}

impl Drop for Named {
    fn drop(&mut self) {
        if self.outermost {
            CALLED.set(None);
        }
    }
}

/// The full message of a failed check: operator, expectation, actual, and all inputs.
pub fn invalid(operator: &str, error: &InvalidType, inputs: &[Meta]) -> String {
    let operator = CALLED.get().unwrap_or(operator);
    let mut text = format!("Invalid operation is performed in: {operator} (Forward)\n\n{error}");
    if !inputs.is_empty() {
        text.push_str("\nInputs:");
        for (i, m) in inputs.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(text, "{comma} {} {}", m.shape, m.dtype);
        }
    }
    text
}

/// `ensure!(x.shape[1], ==, w.shape[1])` returns an [`InvalidType`] that quotes both sides when the comparison fails;
/// `ensure!(condition, "expected", "actual {}", value)` states them in words.
macro_rules! ensure {
    ($left:expr, ==, $right:expr) => {
        ensure!(@compare $left, ==, $right, "!=")
    };
    ($left:expr, <, $right:expr) => {
        ensure!(@compare $left, <, $right, ">=")
    };
    ($left:expr, <=, $right:expr) => {
        ensure!(@compare $left, <=, $right, ">")
    };
    ($left:expr, >, $right:expr) => {
        ensure!(@compare $left, >, $right, "<=")
    };
    ($left:expr, >=, $right:expr) => {
        ensure!(@compare $left, >=, $right, "<")
    };
    (@compare $left:expr, $op:tt, $right:expr, $not:literal) => {
        match (&$left, &$right) {
            (left, right) => {
                // A comparison with NaN fails: it is negated, not reversed.
                #[allow(clippy::neg_cmp_op_on_partial_ord)]
                if !(*left $op *right) {
                    return Err($crate::shape::InvalidType::new(
                        concat!(stringify!($left), " ", stringify!($op), " ", stringify!($right)),
                        format!("{left} {} {right}", $not),
                    ));
                }
            }
        }
    };
    ($condition:expr, $expect:expr, $($actual:tt)+) => {
        if !$condition {
            return Err($crate::shape::InvalidType::new($expect, format!($($actual)+)));
        }
    };
}
pub(crate) use ensure;
