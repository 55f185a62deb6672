//! Arithmetic, elementwise mathematics, reductions, matrix products.

mod absolute;
mod add;
mod argmax;
mod argmin;
mod average;
mod batch_l2_norm_squared;
mod batch_matmul;
mod cholesky;
mod clip;
mod comparison;
mod cumprod;
mod cumsum;
mod det;
mod div;
mod einsum;
mod exp;
mod inv;
mod log;
mod logsumexp;
mod matmul;
mod max;
mod maximum;
mod min;
mod minimum;
mod mul;
mod neg;
mod normalize;
mod operators;
mod prod;
mod sign;
mod sqrt;
mod square;
mod sub;
mod sum;
mod sum_to;
mod tensordot;
mod tril;

pub use absolute::absolute;
pub use add::add;
pub use argmax::argmax;
pub use argmin::argmin;
pub use average::{average, mean, mean_axes};
pub use batch_l2_norm_squared::batch_l2_norm_squared;
pub use batch_matmul::batch_matmul;
pub use cholesky::cholesky;
pub use clip::clip;
pub use cumprod::cumprod;
pub use cumsum::cumsum;
pub use det::{batch_det, det};
pub use div::div;
pub use einsum::einsum;
pub use exp::exp;
pub use inv::{batch_inv, inv};
pub use log::log;
pub use logsumexp::{logsumexp, logsumexp_axes};
pub use matmul::{matmul, matmul_transposed};
pub(crate) use max::where_equal;
pub use max::{max, max_axes};
pub use maximum::maximum;
pub use min::{min, min_axes};
pub use minimum::minimum;
pub use mul::mul;
pub use neg::neg;
pub use normalize::normalize;
pub use prod::{prod, prod_axes};
pub use sign::sign;
pub use sqrt::sqrt;
pub use square::square;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;
pub use tensordot::{tensordot, tensordot_axes};
pub use tril::{tril, triu};

pub(super) const ALL: &[super::Entry] = super::entries![
    absolute,
    add,
    argmax,
    argmin,
    average,
    batch_l2_norm_squared,
    batch_matmul,
    cholesky,
    clip,
    cumprod,
    cumsum,
    det,
    div,
    einsum,
    exp,
    inv,
    log,
    logsumexp,
    matmul,
    max,
    maximum,
    min,
    minimum,
    mul,
    neg,
    normalize,
    prod,
    sign,
    sqrt,
    square,
    sub,
    sum,
    sum_to,
    tensordot,
    tril,
];
