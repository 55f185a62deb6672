//! Arithmetic, elementwise mathematics, reductions, matrix products.

mod absolute;
mod add;
mod arccos;
mod arcsin;
mod arctan;
mod arctan2;
mod arctanh;
mod argmax;
mod argmin;
mod average;
mod batch_l2_norm_squared;
mod batch_matmul;
mod bias;
mod ceil;
mod cholesky;
mod clip;
mod comparison;
mod cos;
mod cosh;
mod cumprod;
mod cumsum;
mod det;
mod digamma;
mod div;
mod einsum;
mod erf;
mod erfc;
mod erfcinv;
mod erfcx;
mod erfinv;
mod exp;
mod expm1;
mod fft;
mod fix;
mod floor;
mod fmod;
mod identity;
mod inv;
mod lgamma;
mod linear_interpolate;
mod log;
mod log10;
mod log1p;
mod log2;
mod log_ndtr;
mod logsumexp;
mod matmul;
mod max;
mod maximum;
mod min;
mod minimum;
mod mul;
mod ndtr;
mod ndtri;
mod neg;
mod numpy;
mod operators;
mod order;
mod polygamma;
mod pow;
mod prod;
mod products;
mod rsqrt;
mod scale;
mod sign;
mod sin;
mod sinh;
mod sparse_matmul;
mod special;
mod sqrt;
mod square;
mod squared_difference;
mod sub;
mod sum;
mod sum_to;
mod tan;
mod tensordot;
mod tril;
mod truth;
mod zeta;

pub use absolute::absolute;
pub use add::{add, add_all};
pub use arccos::arccos;
pub use arcsin::arcsin;
pub use arctan::arctan;
pub use arctan2::arctan2;
pub use arctanh::arctanh;
pub use argmax::argmax;
pub use argmin::argmin;
pub use average::{average, mean, mean_axes};
pub use batch_l2_norm_squared::batch_l2_norm_squared;
pub use batch_matmul::batch_matmul;
pub(super) use bias::aligned;
pub use bias::{bias, bias_axis};
pub use ceil::ceil;
pub use cholesky::cholesky;
pub use clip::clip;
pub use cos::cos;
pub use cosh::cosh;
pub use cumprod::cumprod;
pub use cumsum::cumsum;
pub use det::{batch_det, det};
pub use digamma::digamma;
pub use div::div;
pub use einsum::einsum;
pub use erf::erf;
pub use erfc::erfc;
pub use erfcinv::erfcinv;
pub use erfcx::erfcx;
pub use erfinv::erfinv;
pub use exp::exp;
pub use expm1::expm1;
pub use fft::{fft, ifft};
pub use fix::fix;
pub use floor::floor;
pub use fmod::fmod;
pub use identity::identity;
pub use inv::{batch_inv, inv};
pub use lgamma::lgamma;
pub use linear_interpolate::linear_interpolate;
pub use log::log;
pub use log_ndtr::log_ndtr;
pub use log1p::log1p;
pub use log2::log2;
pub use log10::log10;
pub use logsumexp::{logsumexp, logsumexp_axes};
pub use matmul::{matmul, matmul_transposed};
pub(crate) use max::where_equal;
pub use max::{max, max_axes};
pub use maximum::maximum;
pub use min::{min, min_axes};
pub use minimum::minimum;
pub use mul::mul;
pub use ndtr::ndtr;
pub use ndtri::ndtri;
pub use neg::neg;
pub use polygamma::{polygamma, polygamma_each};
pub use pow::{pow, pow_scalar, scalar_pow};
pub use prod::{prod, prod_axes};
pub use rsqrt::rsqrt;
pub use scale::{scale, scale_axis};
pub use sign::sign;
pub use sin::sin;
pub use sinh::sinh;
pub use sparse_matmul::{CooMatrix, sparse_matmul, sparse_matmul_transposed};
pub use sqrt::sqrt;
pub use square::square;
pub use squared_difference::squared_difference;
pub use sub::sub;
pub use sum::{sum, sum_axes};
pub use sum_to::sum_to;
pub use tan::tan;
pub use tensordot::{tensordot, tensordot_axes};
pub use tril::{tril, triu};
pub use zeta::{zeta, zeta_each};

pub(super) const ALL: &[super::Entry] = super::entries![
    absolute,
    add,
    arccos,
    arcsin,
    arctan,
    arctan2,
    arctanh,
    argmax,
    argmin,
    average,
    batch_l2_norm_squared,
    batch_matmul,
    bias,
    ceil,
    cholesky,
    clip,
    cos,
    cosh,
    cumprod,
    cumsum,
    det,
    digamma,
    div,
    einsum,
    erf,
    erfc,
    erfcinv,
    erfcx,
    erfinv,
    exp,
    expm1,
    fft,
    fix,
    floor,
    fmod,
    identity,
    inv,
    lgamma,
    linear_interpolate,
    log,
    log10,
    log1p,
    log2,
    log_ndtr,
    logsumexp,
    matmul,
    max,
    maximum,
    min,
    minimum,
    mul,
    ndtr,
    ndtri,
    neg,
    polygamma,
    pow,
    prod,
    rsqrt,
    scale,
    sign,
    sin,
    sinh,
    sparse_matmul,
    sqrt,
    square,
    squared_difference,
    sub,
    sum,
    sum_to,
    tan,
    tensordot,
    tril,
    zeta
];
