//! Labels that came from the host, checked before anything is launched.

use crate::{kernel::create::known_range, shape::DType, tensor::Tensor};

/// Panics at the caller's line when a label is known to be outside `0..classes`.
#[track_caller]
pub(super) fn check_labels(operator: &str, t: &Tensor, classes: usize, ignore: Option<i32>) {
    let outside = |label: i64| Some(label) != ignore.map(i64::from) && !(0..classes as i64).contains(&label);
    let Some((low, high)) = known_range(t) else { return };
    if t.dtype() != DType::I32 || !(outside(low) || outside(high)) {
        return;
    }
    // The range is that of all the storage, of which this may be a part.
    let Ok(labels) = t.to_vec::<i32>() else { return };
    if let Some(at) = labels.iter().position(|&label| outside(i64::from(label))) {
        panic!(
            "Invalid operation is performed in: {operator} (Forward)\n\nExpect: labels within 0..{classes}{}\n\
             Actual: label {} at position {at} of shape {}",
            ignore.map_or(String::new(), |i| format!(", or {i} for those to ignore")),
            labels[at],
            t.shape()
        );
    }
}
