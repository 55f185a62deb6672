//! Arithmetic, elementwise mathematics, reductions, matrix products.

mod add;
mod div;
mod matmul;
mod mul;
mod neg;
mod operators;
mod sub;
mod sum;
mod sum_to;

pub use add::add;
pub use div::div;
pub use matmul::{matmul, matmul_transposed};
pub use mul::mul;
pub use neg::neg;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;

pub(super) const ALL: &[super::Entry] = super::entries![add, div, matmul, mul, neg, sub, sum, sum_to];
