//! The `f32` kernels behind [`Real`](super::Real): straight-line code without calls, tables or branches.
//!
//! Every choice is a select between values that are both computed, so a loop over any of these functions becomes
//! packed code on whatever vector width the surrounding function is compiled for. Nothing here is fused, so the
//! results are the same bits on every target. The polynomial coefficients are minimax fits over the intervals named
//! beside them, made with the rounding of the coefficients to `f32` taken into account.

/// Adding and subtracting this rounds a number below 2²² to an integer, and leaves that integer in the low bits.
const MAGIC: f32 = 12_582_912.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// The leading nine bits of ln 2: its product with an integer below 2¹⁵ is exact.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
const SQRT_HALF_BITS: u32 = 0x3f35_04f3;

macro_rules! horner {
    ($x:expr; $c:expr) => { $c };
    ($x:expr; $c:expr, $($rest:expr),+) => { $c + $x * horner!($x; $($rest),+) };
}

/// Splits `x` (at most 2²¹ in size) into the nearest integer, as a float and as an integer, by way of [`MAGIC`].
#[inline(always)]
fn nearest(x: f32) -> (f32, i32) {
    let t = x + MAGIC;
    (t - MAGIC, t.to_bits().wrapping_sub(MAGIC.to_bits()) as i32)
}

/// 2ᵏ for k in -126..=127.
#[inline(always)]
fn pow2(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}

/// v·2ᵏ in two steps, so that subnormal results are rounded once and k may leave the range of exponents.
#[inline(always)]
fn scale(v: f32, k: i32) -> f32 {
    let half = k >> 1;
    v * pow2(half) * pow2(k.wrapping_sub(half))
}

#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// e^r - 1 for |r| at most 0.35.
#[inline(always)]
fn exp_m1_poly(r: f32) -> f32 {
    r + (r * r) * horner!(r; 0.499_999_97, 0.166_665_45, 4.166_744_6e-2, 8.366_447e-3, 1.386_984_4e-3)
}

/// x - n·ln 2, and n.
#[inline(always)]
fn reduce_ln2(x: f32) -> (f32, i32) {
    let (n, k) = nearest(x * LOG2_E);
    ((x - n * LN2_HI) - n * LN2_LO, k)
}

#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (r, k) = reduce_ln2(clamp(x, -104.0, 89.0));
    scale(1.0 + exp_m1_poly(r), k)
}

/// `exp` of what is at most 40, by fewer steps: there is no overflow to avoid.
#[inline(always)]
pub(super) fn exp_nonpositive(x: f32) -> f32 {
    let (r, k) = reduce_ln2(if x < -104.0 { -104.0 } else { x });
    // A power that is normal for each k, and what is left of it: subnormal results are rounded once.
    (1.0 + exp_m1_poly(r)) * pow2(k.wrapping_add(64)) * pow2(-64)
}

/// `exp` where |x| is at most 87, so that one step of scaling will do.
#[inline(always)]
fn exp_bounded(x: f32) -> f32 {
    let (r, k) = reduce_ln2(x);
    (1.0 + exp_m1_poly(r)) * pow2(k)
}

#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    let x = clamp(x, -151.0, 129.0);
    let (n, k) = nearest(x);
    let r = x - n;
    let p =
        horner!(r; std::f32::consts::LN_2, 0.240_226_48, 5.550_359_6e-2, 9.618_503e-3, 1.339_099_7e-3, 1.532_780_3e-4);
    scale(1.0 + r * p, k)
}

#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    let (r, k) = reduce_ln2(clamp(x, -18.0, 89.0));
    // Half the result, because 2¹²⁸ has no representation while the largest results need it.
    let s = pow2(k.wrapping_sub(1));
    let y = (s * exp_m1_poly(r) + (s - 0.5)) * 2.0;
    if x.abs() < 2.980_232_2e-8 { x } else { y }
}

/// The mantissa of a positive normal number in [√½, √2), and the exponent that belongs to it.
#[inline(always)]
fn split_mantissa(x: f32) -> (f32, i32) {
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - SQRT_HALF_BITS);
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS));
    (m, ((bits >> 23) as i32).wrapping_sub(127))
}

/// The same for any positive number, subnormal or not, as (m - 1, exponent).
#[inline(always)]
fn split_positive(x: f32) -> (f32, f32) {
    let tiny = x < f32::MIN_POSITIVE;
    let (m, k) = split_mantissa(if tiny { x * 33_554_432.0 } else { x });
    let k = k as f32;
    (m - 1.0, if tiny { k - 25.0 } else { k })
}

/// (f²/2, s·(f²/2 + R)) with s = f / (2 + f), so that ln(1 + f) = f - f²/2 + s·(f²/2 + R).
#[inline(always)]
fn ln_terms(f: f32) -> (f32, f32) {
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * horner!(z; 0.666_666_6, 0.400_009_72, 0.284_987_87, 0.242_792_11);
    let half_square = 0.5 * f * f;
    (half_square, s * (half_square + r))
}

/// What a logarithm is outside of the positive finite numbers.
#[inline(always)]
fn ln_domain(x: f32, y: f32) -> f32 {
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x < 0.0 { f32::NAN } else { y };
    if x == 0.0 { f32::NEG_INFINITY } else { y }
}

#[inline(always)]
fn ln_sum(f: f32, k: f32, correction: f32) -> f32 {
    let (half_square, rest) = ln_terms(f);
    ((rest + (k * LN2_LO + correction)) - half_square + f) + k * LN2_HI
}

#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let (f, k) = split_positive(x);
    ln_domain(x, ln_sum(f, k, 0.0))
}

/// `ln` of a positive normal number: what `shaders/random/philox.wgsl` computes, step by step.
#[inline(always)]
pub(crate) fn ln_normal(x: f32) -> f32 {
    let (m, k) = split_mantissa(x);
    ln_sum(m - 1.0, k as f32, 0.0)
}

/// ln(1 + f) as a head of twelve bits and a tail.
#[inline(always)]
fn ln_head_tail(f: f32) -> (f32, f32) {
    let (half_square, rest) = ln_terms(f);
    let head = f32::from_bits((f - half_square).to_bits() & 0xffff_f000);
    (head, ((f - head) - half_square) + rest)
}

#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    const HI: f32 = 1.442_382_8;
    const LO: f32 = 3.122_284e-4;
    let (f, k) = split_positive(x);
    let (head, tail) = ln_head_tail(f);
    ln_domain(x, ((tail + head) * LO + tail * HI) + head * HI + k)
}

#[inline(always)]
pub(super) fn log10(x: f32) -> f32 {
    const HI: f32 = 0.434_204_1;
    const LO: f32 = 9.038_034e-5;
    const LOG10_2_HI: f32 = 0.301_025_4;
    const LOG10_2_LO: f32 = 4.605_039e-6;
    let (f, k) = split_positive(x);
    let (head, tail) = ln_head_tail(f);
    ln_domain(x, k * LOG10_2_LO + (tail + head) * LO + tail * HI + head * HI + k * LOG10_2_HI)
}

#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let (m, k) = split_mantissa(u);
    // The rounding error of 1 + x, relative to it, is what ln(u) misses; each difference is exact on its side of one.
    let lost = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) } / u;
    let (f, correction) = if k == 0 { (x, 0.0) } else { (m - 1.0, lost) };
    let y = ln_domain(u, ln_sum(f, k as f32, correction));
    if x == 0.0 { x } else { y }
}

#[inline(always)]
pub(super) fn ln_1p_exp(x: f32) -> f32 {
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + ln_1p(exp(-x.abs()))
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let z = a * a;
    let t = z * horner!(z; -0.333_332_84, 0.133_314_85, -5.374_300_5e-2, 2.064_910_3e-2, -5.715_499e-3);
    let small = a + a * t;
    let large = 1.0 - 2.0 / (exp_bounded(2.0 * if a > 10.0 { 10.0 } else { a }) + 1.0);
    (if a < 0.625 { small } else { large }).copysign(x)
}

/// sin r for |r| at most π/4.
#[inline(always)]
pub(crate) fn sin_quarter(r: f32) -> f32 {
    let z = r * r;
    r + r * (z * horner!(z; -0.166_666_55, 8.332_19e-3, -1.951_840_8e-4))
}

/// cos r for |r| at most π/4.
#[inline(always)]
pub(crate) fn cos_quarter(r: f32) -> f32 {
    let z = r * r;
    (1.0 - 0.5 * z) + (z * z) * horner!(z; 4.166_664_6e-2, -1.388_730_1e-3, 2.443_066_8e-5)
}

/// x - n·π/2, and n modulo four in the low bits.
#[inline(always)]
fn reduce_half_pi(x: f32) -> (f32, u32) {
    // π/2 as 26 bits, 26 bits and the rest: the first two products are exact while n stays below 2²⁷.
    const A: f64 = 1.5707963109016418;
    const B: f64 = 1.5893254712295857e-8;
    const C: f64 = 6.123233995736766e-17;
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    let x = f64::from(x);
    let t = x * std::f64::consts::FRAC_2_PI + MAGIC;
    let n = t - MAGIC;
    let r = ((x - n * A) - n * B) - n * C;
    (clamp(r as f32, -0.8, 0.8), t.to_bits() as u32)
}

/// sin(r + n·π/2).
#[inline(always)]
fn sin_of(r: f32, n: u32) -> f32 {
    let y = if n & 1 == 0 { sin_quarter(r) } else { cos_quarter(r) };
    if n & 2 == 0 { y } else { -y }
}

#[inline(always)]
pub(super) fn sin(x: f32) -> f32 {
    let (r, n) = reduce_half_pi(x);
    let y = sin_of(r, n);
    if x == 0.0 { x } else { y }
}

#[inline(always)]
pub(super) fn cos(x: f32) -> f32 {
    let (r, n) = reduce_half_pi(x);
    sin_of(r, n.wrapping_add(1))
}

/// erf(x) / x - 1 in z = x² for |x| up to 0.9277.
#[inline(always)]
fn erf_poly(z: f32) -> f32 {
    horner!(z; 0.128_379_15, -0.376_125, 0.112_818_63, -2.676_759_3e-2, 4.993_811_2e-3, -5.990_821_5e-4)
}

#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let a = x.abs();
    let small = a + a * erf_poly(a * a);
    let t = if a > 4.0 { 4.0 } else { a };
    // -ln erfc(t), from 0.9277 to 4; beyond, erf rounds to one.
    let l = horner!(t; -1.767_295_3e-4, 1.129_524_7, 0.633_327_25, 0.108_301_63, -2.513_331_2e-2, 4.176_324_2e-3,
        -4.355_476e-4, 2.118_898_4e-5);
    let large = 1.0 - exp_bounded(-l);
    (if a < 0.927_7 { small } else { large }).copysign(x)
}

#[inline(always)]
pub(super) fn erfc(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 11.0 { 11.0 } else { a };
    // (1 + 2a)·exp(a²)·erfc(a) in q = (a - 2) / (a + 2), from 0 to 10.06, where erfc underflows.
    let q = (a - 2.0) / (a + 2.0);
    let p = horner!(q; 1.276_978_4, -9.276_391_6e-2, -0.166_030_94, 0.164_054_59, -5.420_768_3e-2, -8.057_933e-3,
        8.641_112e-3, 1.314_34e-3, -1.239_087_2e-3, -4.052_918_5e-4);
    // a² with twelve bits squared exactly: the exponential multiplies an error in its argument by up to 100.
    let head = f32::from_bits(a.to_bits() & 0xffff_f000);
    let (n, k) = nearest(-(a * a) * LOG2_E);
    let r = ((-(head * head) - n * LN2_HI) - n * LN2_LO) - (a - head) * (a + head);
    let factor = p / (1.0 + 2.0 * a);
    let y = scale(factor + factor * exp_m1_poly(r), k);
    let far = if x < 0.0 { 2.0 - y } else { y };
    if a < 0.65 { 1.0 - (x + x * erf_poly(x * x)) } else { far }
}

/// `x` with `rounded(|x|)` in place of |x| where that can differ.
#[inline(always)]
fn round_magnitude(x: f32, rounded: impl FnOnce(f32, f32) -> f32) -> f32 {
    const INTEGERS_FROM: f32 = 8_388_608.0;
    let a = x.abs();
    let nearest = (a + INTEGERS_FROM) - INTEGERS_FROM;
    if a < INTEGERS_FROM { rounded(a, nearest).copysign(x) } else { x }
}

#[inline(always)]
pub(super) fn round_even(x: f32) -> f32 {
    round_magnitude(x, |_, nearest| nearest)
}

#[inline(always)]
pub(super) fn trunc(x: f32) -> f32 {
    round_magnitude(x, |a, nearest| nearest - if nearest > a { 1.0 } else { 0.0 })
}

#[inline(always)]
pub(super) fn floor(x: f32) -> f32 {
    let t = trunc(x);
    t - if t > x { 1.0 } else { 0.0 }
}

#[inline(always)]
pub(super) fn ceil(x: f32) -> f32 {
    -floor(-x)
}
