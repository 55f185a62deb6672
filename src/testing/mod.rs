//! Checks of functions, ours and yours: gradients against finite differences, one device against another.

mod conform;
mod gradient;

pub use conform::{Layout, Outcome, conform, devices, draw, evaluate};
pub use gradient::{check_backward, check_double_backward};

use ndarray::ArrayD;

/// The first place where two arrays differ by more than `tolerance * (1 + |expected|)`.
///
/// NaN equals NaN, infinities equal themselves.
///
/// # Errors
/// What differs, and where.
pub fn close(what: &str, actual: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) -> Result<(), String> {
    if actual.shape() != expected.shape() {
        return Err(format!("{what}: shape {:?}, expected {:?}", actual.shape(), expected.shape()));
    }
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= tolerance * (1.0 + e.abs());
        if !same {
            return Err(format!("{what}: element {i} is {a}, expected {e}"));
        }
    }
    Ok(())
}
