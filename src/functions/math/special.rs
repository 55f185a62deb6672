//! Special functions that [`Real`] has not, in terms of those it has.

use crate::tensor::Real;

/// Whether an angle has so many turns that [`Real::sin`] loses digits of its rest: from 2^27 on.
#[inline(always)]
pub(super) fn has_many_turns<R: Real>(x: R) -> bool {
    x.abs() >= R::of(134_217_728.0) && x.abs() < R::INFINITY
}

/// `e^(x^2) erfc(x)`.
pub(super) fn erfcx<R: Real>(x: R) -> R {
    if x < R::ZERO {
        return R::TWO * R::exp(x * x) - erfcx(-x);
    }
    if x < R::of(3.0) {
        return R::exp(x * x) * R::erfc(x);
    }
    // The continued fraction x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ..))), from its end.
    let mut fraction = x;
    for k in (1..=60).rev() {
        fraction = x + R::of(0.5 * f64::from(k)) / fraction;
    }
    R::of(0.564_189_583_547_756_3) / fraction
}

/// 2/sqrt(pi)
const SLOPE: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// The inverse of `erfc`: a rational estimate, and steps of Halley's method.
pub(super) fn erfcinv<R: Real>(y: R) -> R {
    if y > R::ONE {
        return -erfcinv(R::TWO - y);
    }
    if y < R::ZERO || R::is_nan(y) {
        return R::NAN;
    }
    if y == R::ZERO {
        return R::INFINITY;
    }
    if y == R::ONE {
        return R::ZERO;
    }
    let t = R::sqrt(R::of(-2.0) * R::ln(y * R::HALF));
    let ratio = (R::of(2.30753) + R::of(0.27061) * t) / (R::ONE + t * (R::of(0.99229) + R::of(0.04481) * t));
    let mut x = R::of(std::f64::consts::FRAC_1_SQRT_2) * (t - ratio);
    for _ in 0..3 {
        let error = R::erfc(x) - y;
        x += error / (R::of(SLOPE) * R::exp(-(x * x)) - x * error);
    }
    x
}

/// The inverse of `erf`.
pub(super) fn erfinv<R: Real>(y: R) -> R {
    let a = R::abs(y);
    if a < R::HALF {
        // Near zero 1 - a would lose what a has: the same method on erf itself.
        let mut x = a * (R::of(0.886_226_925_452_758) + R::of(0.232_013_666_534_654_4) * a * a);
        for _ in 0..3 {
            let error = R::erf(x) - a;
            x += -error / (R::of(SLOPE) * R::exp(-(x * x)) + x * error);
        }
        return R::select(y < R::ZERO, -x, x);
    }
    let x = erfcinv(R::ONE - a);
    R::select(y < R::ZERO, -x, x)
}

/// The logarithm of the normal distribution function, without underflow.
pub(super) fn log_ndtr<R: Real>(x: R) -> R {
    let root = R::of(std::f64::consts::FRAC_1_SQRT_2);
    if x < R::ZERO {
        R::ln(R::HALF * erfcx(-x * root)) - R::HALF * x * x
    } else {
        R::ln_1p(-R::HALF * R::erfc(x * root))
    }
}

/// Hurwitz's zeta function, the sum of `(q + k)^-s`, for `s > 1`.
///
/// For a negative `q` that is no integer, `s` must be one; the terms below zero are counted one by one, up to 4096.
pub(super) fn zeta<R: Real>(s: R, q: R) -> R {
    // B_2j / (2j)! for j = 1..=7.
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 720.0,
        1.0 / 30_240.0,
        -1.0 / 1_209_600.0,
        1.0 / 47_900_160.0,
        -691.0 / 1_307_674_368_000.0,
        1.0 / 74_724_249_600.0,
    ];
    const TERMS: usize = 12;
    if q <= R::ZERO && q == R::floor(q) {
        return R::INFINITY;
    }
    if R::is_nan(q) || (q < R::ZERO && (s != R::floor(s) || q < R::of(-4096.0))) {
        return R::NAN;
    }
    let (mut q, mut sum) = (q, R::ZERO);
    let odd = s * R::HALF != R::floor(s * R::HALF);
    while q < R::ZERO {
        let term = R::powf(-q, -s);
        sum += R::select(odd, -term, term);
        q += R::ONE;
    }
    for k in 0..TERMS {
        sum += R::powf(q + R::of(k as f64), -s);
    }
    let a = q + R::of(TERMS as f64);
    let power = R::powf(a, -s);
    // Of a large `a`, its power underflows before that times `a`.
    sum += R::powf(a, R::ONE - s) / (s - R::ONE) + power * R::HALF;
    let (mut factor, mut next) = (power * s / a, s + R::ONE);
    for coefficient in SERIES {
        sum += factor * R::of(coefficient);
        factor *= next * (next + R::ONE) / (a * a);
        next += R::TWO;
    }
    sum
}
