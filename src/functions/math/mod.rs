//! Arithmetic, elementwise mathematics, reductions, matrix products.

mod add;
mod average;
mod div;
mod matmul;
mod max;
mod min;
mod mul;
mod neg;
mod operators;
mod sub;
mod sum;
mod sum_to;

pub use add::add;
pub use average::{average, mean, mean_axes};
pub use div::div;
pub use matmul::{matmul, matmul_transposed};
pub(crate) use max::where_equal;
pub use max::{max, max_axes};
pub use min::{min, min_axes};
pub use mul::mul;
pub use neg::neg;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;

pub(super) const ALL: &[super::Entry] =
    super::entries![add, average, div, matmul, max, min, mul, neg, sub, sum, sum_to];
