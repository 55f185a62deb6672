//! Arithmetic, elementwise mathematics, reductions, matrix products.

mod absolute;
mod add;
mod average;
mod clip;
mod comparison;
mod div;
mod exp;
mod log;
mod matmul;
mod max;
mod maximum;
mod min;
mod minimum;
mod mul;
mod neg;
mod operators;
mod sign;
mod sqrt;
mod square;
mod sub;
mod sum;
mod sum_to;

pub use absolute::absolute;
pub use add::add;
pub use average::{average, mean, mean_axes};
pub use clip::clip;
pub use div::div;
pub use exp::exp;
pub use log::log;
pub use matmul::{matmul, matmul_transposed};
pub(crate) use max::where_equal;
pub use max::{max, max_axes};
pub use maximum::maximum;
pub use min::{min, min_axes};
pub use minimum::minimum;
pub use mul::mul;
pub use neg::neg;
pub use sign::sign;
pub use sqrt::sqrt;
pub use square::square;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;

pub(super) const ALL: &[super::Entry] = super::entries![
    absolute, add, average, clip, div, exp, log, matmul, max, maximum, min, minimum, mul, neg, sign, sqrt, square, sub,
    sum, sum_to
];
