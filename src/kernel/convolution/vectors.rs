//! Sums of vectors, as transforms of tiles have them.
//!
//! Functions and no closures: what is not inlined is compiled without the vectors' instructions.

use crate::kernel::tiles::Number;
use pulp::Simd;

/// `factor x + y`.
#[inline(always)]
pub(super) fn times<E: Number, S: Simd>(s: S, factor: f64, x: E::Vector<S>, y: E::Vector<S>) -> E::Vector<S> {
    E::multiply_add(s, E::splat(s, E::from_f64(factor)), x, y)
}

/// `factor x`.
#[inline(always)]
pub(super) fn scaled<E: Number, S: Simd>(s: S, factor: f64, x: E::Vector<S>) -> E::Vector<S> {
    times::<E, S>(s, factor, x, E::splat(s, E::ZERO))
}

/// `x + y`.
#[inline(always)]
pub(super) fn sum<E: Number, S: Simd>(s: S, x: E::Vector<S>, y: E::Vector<S>) -> E::Vector<S> {
    E::sum(s, x, y)
}

/// `x - y`.
#[inline(always)]
pub(super) fn less<E: Number, S: Simd>(s: S, x: E::Vector<S>, y: E::Vector<S>) -> E::Vector<S> {
    times::<E, S>(s, -1.0, y, x)
}
