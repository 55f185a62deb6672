//! The `f64` functions that the standard library lacks.

pub(super) use libm::{erf, erfc, lgamma};

#[inline(always)]
pub(super) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

#[inline(always)]
pub(super) fn ln_1p_exp(x: f64) -> f64 {
    (if x > 0.0 { x } else { 0.0 }) + (-x.abs()).exp().ln_1p()
}

/// Γ′/Γ: by reflection onto x > 0, by ψ(x) = ψ(x + 1) - 1/x up to where Stirling's series is exact to the last bits.
pub(super) fn digamma(x: f64) -> f64 {
    // B₂ₖ / 2k for k = 1..=8.
    const SERIES: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32760.0,
        1.0 / 12.0,
        -3617.0 / 8160.0,
    ];
    if x == 0.0 {
        return f64::NEG_INFINITY.copysign(-x);
    }
    if x < 0.0 {
        // From the nearest integer, so that what is left of a small number is all of it.
        let away = x - x.round();
        if away == 0.0 || x == f64::NEG_INFINITY {
            return f64::NAN;
        }
        return digamma(1.0 - x) - std::f64::consts::PI / (std::f64::consts::PI * away).tan();
    }
    if x == f64::INFINITY {
        return x;
    }
    let (mut x, mut below) = (x, 0.0);
    while x < 10.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    let series = SERIES.iter().rev().fold(0.0, |sum, c| (sum + c) * z);
    x.ln() - 0.5 / x - series - below
}
