//! Scalar mathematics of the CPU: one trait, [`Real`], for `f32` and `f64`.

mod double;
pub(crate) mod single;
#[cfg(test)]
mod tests;

use crate::shape::Element;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A floating-point element with the functions that CPU kernels are written in.
///
/// For `f32` the frequent functions (`exp`, `exp2`, `exp_m1`, `ln`, `ln_1p`, `log2`, `log10`, `sigmoid`, `tanh`,
/// `ln_1p_exp`, `erf`, `erfc`, `sin`, `cos`, the roots and the roundings) are straight-line code: a loop over them
/// becomes packed instructions of the width that the surrounding function is compiled for, and gives the same bits on
/// every target. The other functions go through `f64`, one element at a time. For `f64` they are those of the standard
/// library.
///
/// Errors are stated for `f32` in units in the last place (ulp) and hold over all arguments, subnormal ones and
/// results included, unless said otherwise; a function without a stated error is within 0.51 ulp.
///
/// On a concrete `f32` the inherent methods of the standard library win: write `Real::exp(x)` there, and `x.exp()`
/// only in generic code.
///
/// ```
/// use catena::tensor::Real;
///
/// fn silu<T: Real>(x: T) -> T {
///     x * x.sigmoid()
/// }
/// assert!((silu(1.0f32) - 0.731_058_6).abs() < 1e-6);
/// assert!((silu(1.0f64) - 0.731_058_578_630_004_9).abs() < 1e-15);
/// ```
pub trait Real:
    Element
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// 1/2.
    const HALF: Self;
    /// 2.
    const TWO: Self;
    /// π.
    const PI: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// A quiet NaN.
    const NAN: Self;
    /// The distance from one to the next larger number.
    const EPSILON: Self;

    /// The value of this type nearest to a constant.
    fn of(v: f64) -> Self;

    /// eˣ, within 1.1 ulp.
    fn exp(self) -> Self;
    /// eˣ of an x that is not positive, or at most 40: as [`exp`](Real::exp), in less time. NaN stays NaN.
    fn exp_nonpositive(self) -> Self;
    /// 2ˣ, within 1.1 ulp; exact for integers.
    fn exp2(self) -> Self;
    /// eˣ - 1, within 2 ulp.
    fn exp_m1(self) -> Self;
    /// The natural logarithm, within 1 ulp; -∞ at zero, NaN below.
    fn ln(self) -> Self;
    /// ln(1 + x), within 1 ulp; -∞ at -1, NaN below.
    fn ln_1p(self) -> Self;
    /// The logarithm to base 2, within 1 ulp; exact at powers of two.
    fn log2(self) -> Self;
    /// The logarithm to base 10, within 1 ulp.
    fn log10(self) -> Self;
    /// √x, correctly rounded; NaN below zero.
    fn sqrt(self) -> Self;
    /// 1/√x, within 1.5 ulp.
    fn rsqrt(self) -> Self;
    /// 1/x, correctly rounded.
    fn recip(self) -> Self;
    /// |x|.
    fn abs(self) -> Self;
    /// -1, 0 or 1 with the sign of x; NaN stays NaN.
    fn sign(self) -> Self;
    /// The largest integer not above x.
    fn floor(self) -> Self;
    /// The smallest integer not below x.
    fn ceil(self) -> Self;
    /// x without its fraction.
    fn trunc(self) -> Self;
    /// The nearest integer, the even one of two equally near, as NumPy's `rint`.
    fn round_even(self) -> Self;
    /// xʸ; of a negative base only with an integer y, NaN otherwise.
    fn powf(self, y: Self) -> Self;
    /// xⁿ by repeated squaring, within |n| ulp; the reciprocal of x⁻ⁿ for negative n.
    ///
    /// ```
    /// use catena::tensor::Real;
    ///
    /// assert_eq!(Real::powi(-2.0f32, 5), -32.0);
    /// assert_eq!(Real::powi(4.0f64, -2), 0.0625);
    /// ```
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let (mut power, mut base, mut left) = (Self::ONE, self, n.unsigned_abs());
        loop {
            if left & 1 == 1 {
                power *= base;
            }
            left >>= 1;
            if left == 0 {
                break;
            }
            base *= base;
        }
        if n < 0 { power.recip() } else { power }
    }
    /// The sine, within 2 ulp for |x| up to 2·10⁸; beyond, its argument is off by about |x|·2⁻⁵³, and past 2⁵² only
    /// the bound |sin x| ≤ 1 is left. NaN at infinity.
    fn sin(self) -> Self;
    /// The cosine, within 2 ulp for |x| up to 2·10⁸; beyond, as [`sin`](Real::sin).
    fn cos(self) -> Self;
    /// The tangent.
    fn tan(self) -> Self;
    /// The arcsine; NaN outside of [-1, 1].
    fn asin(self) -> Self;
    /// The arccosine; NaN outside of [-1, 1].
    fn acos(self) -> Self;
    /// The arctangent.
    fn atan(self) -> Self;
    /// The angle of the point (x, self) in (-π, π].
    fn atan2(self, x: Self) -> Self;
    /// The hyperbolic sine.
    fn sinh(self) -> Self;
    /// The hyperbolic cosine.
    fn cosh(self) -> Self;
    /// The hyperbolic tangent, within 2 ulp.
    fn tanh(self) -> Self;
    /// The inverse of tanh; NaN outside of [-1, 1].
    fn atanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ), within 2.5 ulp, without overflow and without cancellation.
    fn sigmoid(self) -> Self;
    /// ln(1 + eˣ), the softplus, within 2 ulp, without overflow.
    fn ln_1p_exp(self) -> Self;
    /// The error function 2/√π ∫₀ˣ e⁻ᵗ² dt, within 1.5 ulp.
    fn erf(self) -> Self;
    /// 1 - erf x, within 3.5 ulp far into the tail.
    fn erfc(self) -> Self;
    /// ln |Γ(x)|; +∞ at zero and at the negative integers.
    fn lgamma(self) -> Self;
    /// Γ′(x)/Γ(x), in `f64` within 10⁻¹⁴ absolute or relative for x > 0; NaN at the negative integers, ∓∞ at ±0.
    fn digamma(self) -> Self;
    /// The remainder of x/y with the sign of x, exact, as C's `fmod`.
    fn fmod(self, y: Self) -> Self;

    /// The larger value, or NaN if either is NaN, as NumPy's `maximum`.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::select((self > other) | self.is_nan(), self, other)
    }
    /// The smaller value, or NaN if either is NaN, as NumPy's `minimum`.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::select((self < other) | self.is_nan(), self, other)
    }
    /// Whether it is NaN.
    #[inline(always)]
    #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
    fn is_nan(self) -> bool {
        self != self
    }
    /// `a` if `condition`, otherwise `b`.
    #[inline(always)]
    fn select(condition: bool, a: Self, b: Self) -> Self {
        if condition { a } else { b }
    }
}

macro_rules! common {
    ($t:ident) => {
        const HALF: $t = 0.5;
        const TWO: $t = 2.0;
        const PI: $t = std::$t::consts::PI;
        const INFINITY: $t = $t::INFINITY;
        const NEG_INFINITY: $t = $t::NEG_INFINITY;
        const NAN: $t = $t::NAN;
        const EPSILON: $t = $t::EPSILON;

        #[inline(always)]
        fn of(v: f64) -> $t {
            v as $t
        }
        #[inline(always)]
        fn sqrt(self) -> $t {
            self.sqrt()
        }
        #[inline(always)]
        fn rsqrt(self) -> $t {
            1.0 / self.sqrt()
        }
        #[inline(always)]
        fn recip(self) -> $t {
            1.0 / self
        }
        #[inline(always)]
        fn abs(self) -> $t {
            self.abs()
        }
        #[inline(always)]
        fn sign(self) -> $t {
            let of_nonzero = if self < 0.0 { -1.0 } else { 1.0 };
            let y = if self == 0.0 { 0.0 } else { of_nonzero };
            if self.is_nan() { self } else { y }
        }
        #[inline(always)]
        fn fmod(self, y: $t) -> $t {
            self % y
        }
    };
}

/// Methods that take `self` alone, each the function of its name in a module.
macro_rules! from_module {
    ($t:ident, $module:ident: $($name:ident)*) => {$(
        #[inline(always)]
        fn $name(self) -> $t {
            $module::$name(self)
        }
    )*};
}

/// Methods of `f64` by which those of `f32` are computed.
macro_rules! widened {
    ($($name:ident)*) => {$(
        #[inline(always)]
        fn $name(self) -> f32 {
            Real::$name(f64::from(self)) as f32
        }
    )*};
}

/// Methods of `f64` that the standard library has under the same or another name.
macro_rules! standard {
    ($($name:ident = $std:ident)*) => {$(
        #[inline(always)]
        fn $name(self) -> f64 {
            f64::$std(self)
        }
    )*};
}

impl Real for f32 {
    common!(f32);
    from_module!(f32, single: exp exp_nonpositive exp2 exp_m1 ln ln_1p log2 log10 floor ceil trunc round_even sin cos
        tanh sigmoid ln_1p_exp erf erfc);
    widened!(tan asin acos atan sinh cosh atanh lgamma digamma);

    #[inline(always)]
    fn powf(self, y: f32) -> f32 {
        f64::from(self).powf(f64::from(y)) as f32
    }
    #[inline(always)]
    fn atan2(self, x: f32) -> f32 {
        f64::from(self).atan2(f64::from(x)) as f32
    }
}

impl Real for f64 {
    common!(f64);
    standard!(exp = exp exp_nonpositive = exp exp2 = exp2 exp_m1 = exp_m1 ln = ln ln_1p = ln_1p log2 = log2
        log10 = log10 floor = floor ceil = ceil trunc = trunc round_even = round_ties_even sin = sin cos = cos tan = tan
        asin = asin acos = acos atan = atan sinh = sinh cosh = cosh tanh = tanh atanh = atanh);
    from_module!(f64, double: sigmoid ln_1p_exp erf erfc lgamma digamma);

    #[inline(always)]
    fn powf(self, y: f64) -> f64 {
        self.powf(y)
    }
    #[inline(always)]
    fn atan2(self, x: f64) -> f64 {
        self.atan2(x)
    }
}
