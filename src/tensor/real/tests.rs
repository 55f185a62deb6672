use super::Real;
use crate::shape::Element;

/// Steps between bit patterns: fine enough to find the worst errors when optimised, affordable when not.
const STRIDE: usize = if cfg!(debug_assertions) { 12_007 } else { 97 };

/// The distance from `got` to `want` in units of the last place of `want` as an `f32`.
fn ulps(got: f32, want: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() == want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // Infinity counts as the number after the largest.
    let top = 2f64.powi(128);
    let (got, want) = (f64::from(got).clamp(-top, top), want.clamp(-top, top));
    let exponent = ((want.abs().to_bits() >> 52) as i32 - 1023).clamp(-126, 127);
    (got - want).abs() / 2f64.powi(exponent - 23)
}

/// What the worst error of `f` over |x| ≤ `limit` is, if it is above `bound`.
fn sweep(name: &str, bound: f64, limit: f32, f: fn(f32) -> f32, reference: fn(f64) -> f64) -> Option<String> {
    let (mut worst, mut at) = (0.0, 0.0);
    for bits in (0..=u32::MAX).step_by(STRIDE) {
        let x = f32::from_bits(bits);
        if x.abs() > limit {
            continue;
        }
        let error = ulps(f(x), reference(f64::from(x)));
        if error > worst {
            (worst, at) = (error, x);
        }
    }
    println!("{name}: {worst:.3} ulp at {at:e}");
    (worst > bound).then(|| format!("{name}({at:e}) = {:e}: off by {worst} ulp, allowed {bound}", f(at)))
}

#[test]
fn f32_functions_are_within_their_stated_ulps() {
    macro_rules! sweep {
        ($($name:ident $bound:literal;)*) => {
            [$(sweep(stringify!($name), $bound, f32::INFINITY, Real::$name, Real::$name),)*]
        };
    }
    let over = sweep! {
        exp 1.1; exp2 1.1; exp_m1 2.0; ln 1.0; ln_1p 1.0; log2 1.0; log10 1.0; sqrt 0.51; rsqrt 1.5; recip 0.51;
        tanh 2.0; sigmoid 2.5; ln_1p_exp 2.0; erf 1.5; erfc 3.5;
        abs 0.0; sign 0.0; floor 0.0; ceil 0.0; trunc 0.0; round_even 0.0;
    };
    let over_in_range = [sweep("sin", 2.0, 2e8, Real::sin, f64::sin), sweep("cos", 2.0, 2e8, Real::cos, f64::cos)];
    let over: Vec<String> = over.into_iter().chain(over_in_range).flatten().collect();
    assert!(over.is_empty(), "{}", over.join("\n"));
}

#[test]
fn exponentials_of_nonpositive_numbers_are_the_same_bits() {
    let numbers = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits).filter(|&x| x.is_nan() || x <= 40.0);
    for x in numbers.chain([f32::NEG_INFINITY, f32::NAN, -104.0, -103.9, -87.4, -0.0, 40.0]) {
        let (all, some) = (Real::exp(x), Real::exp_nonpositive(x));
        assert!(same(all.into(), some.into()), "{x:e}: {some:e} instead of {all:e}");
    }
}

/// The same number, signs of zeros included, or both NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// Values that must come out exactly, by the limits that the functions have there.
fn special_values<T: Real>() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    type Row<T> = (&'static str, fn(T) -> T, [f64; 6]);
    // At 0, -0, infinity, -infinity, NaN and, within rounding, one.
    let table: [Row<T>; 32] = [
        ("exp", T::exp, [1.0, 1.0, inf, 0.0, nan, std::f64::consts::E]),
        ("exp2", T::exp2, [1.0, 1.0, inf, 0.0, nan, 2.0]),
        ("exp_m1", T::exp_m1, [0.0, -0.0, inf, -1.0, nan, std::f64::consts::E - 1.0]),
        ("ln", T::ln, [-inf, -inf, inf, nan, nan, 0.0]),
        ("ln_1p", T::ln_1p, [0.0, -0.0, inf, nan, nan, std::f64::consts::LN_2]),
        ("log2", T::log2, [-inf, -inf, inf, nan, nan, 0.0]),
        ("log10", T::log10, [-inf, -inf, inf, nan, nan, 0.0]),
        ("sqrt", T::sqrt, [0.0, -0.0, inf, nan, nan, 1.0]),
        ("rsqrt", T::rsqrt, [inf, -inf, 0.0, nan, nan, 1.0]),
        ("recip", T::recip, [inf, -inf, 0.0, -0.0, nan, 1.0]),
        ("abs", T::abs, [0.0, 0.0, inf, inf, nan, 1.0]),
        ("sign", T::sign, [0.0, 0.0, 1.0, -1.0, nan, 1.0]),
        ("floor", T::floor, [0.0, -0.0, inf, -inf, nan, 1.0]),
        ("ceil", T::ceil, [0.0, -0.0, inf, -inf, nan, 1.0]),
        ("trunc", T::trunc, [0.0, -0.0, inf, -inf, nan, 1.0]),
        ("round_even", T::round_even, [0.0, -0.0, inf, -inf, nan, 1.0]),
        ("sin", T::sin, [0.0, -0.0, nan, nan, nan, 1f64.sin()]),
        ("cos", T::cos, [1.0, 1.0, nan, nan, nan, 1f64.cos()]),
        ("tan", T::tan, [0.0, -0.0, nan, nan, nan, 1f64.tan()]),
        ("asin", T::asin, [0.0, -0.0, nan, nan, nan, std::f64::consts::FRAC_PI_2]),
        ("acos", T::acos, [std::f64::consts::FRAC_PI_2, std::f64::consts::FRAC_PI_2, nan, nan, nan, 0.0]),
        ("sinh", T::sinh, [0.0, -0.0, inf, -inf, nan, 1f64.sinh()]),
        ("cosh", T::cosh, [1.0, 1.0, inf, inf, nan, 1f64.cosh()]),
        ("atanh", T::atanh, [0.0, -0.0, nan, nan, nan, inf]),
        ("atan", T::atan, [0.0, -0.0, 1f64.atan() * 2.0, -1f64.atan() * 2.0, nan, 1f64.atan()]),
        ("tanh", T::tanh, [0.0, -0.0, 1.0, -1.0, nan, 1f64.tanh()]),
        ("sigmoid", T::sigmoid, [0.5, 0.5, 1.0, 0.0, nan, 1.0 / (1.0 + (-1f64).exp())]),
        ("ln_1p_exp", T::ln_1p_exp, [2f64.ln(), 2f64.ln(), inf, 0.0, nan, (1.0 + 1f64.exp()).ln()]),
        ("erf", T::erf, [0.0, -0.0, 1.0, -1.0, nan, 0.842_700_792_949_714_9]),
        ("erfc", T::erfc, [1.0, 1.0, 0.0, 2.0, nan, 0.157_299_207_050_285_13]),
        ("lgamma", T::lgamma, [inf, inf, inf, inf, nan, 0.0]),
        ("digamma", T::digamma, [-inf, inf, inf, nan, nan, -0.577_215_664_901_532_9]),
    ];
    for (name, f, [zero, minus_zero, infinity, minus_infinity, not, one]) in table {
        for (x, want) in [(0.0, zero), (-0.0, minus_zero), (inf, infinity), (-inf, minus_infinity), (nan, not)] {
            let got = f(T::of(x)).to_f64();
            assert!(same(got, T::of(want).to_f64()), "{name}({x}) = {got}, not {want}, in {}", T::DTYPE);
        }
        let got = f(T::ONE).to_f64();
        assert!(
            got == one || (got - one).abs() <= 4.0 * T::EPSILON.to_f64(),
            "{name}(1) = {got}, not {one}, in {}",
            T::DTYPE
        );
    }
}

#[test]
fn special_values_are_exact() {
    special_values::<f32>();
    special_values::<f64>();
}

#[test]
fn maximum_and_minimum_propagate_nan() {
    fn check<T: Real>() {
        let (one, two) = (T::ONE, T::TWO);
        assert_eq!((one.max(two), two.max(one), one.min(two), two.min(one)), (two, two, one, one));
        assert_eq!((one.max(T::INFINITY), one.min(T::NEG_INFINITY)), (T::INFINITY, T::NEG_INFINITY));
        for (a, b) in [(one, T::NAN), (T::NAN, one), (T::NAN, T::NAN), (T::NAN, T::INFINITY), (T::INFINITY, T::NAN)] {
            assert!(a.max(b).is_nan() && a.min(b).is_nan(), "{a:?} and {b:?}");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn powers_follow_the_standard_library() {
    let values = [0.0f32, -0.0, 0.3, 1.0, -1.0, 2.0, -2.0, 7.5, -0.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for x in values {
        for y in values.into_iter().chain([3.0, -3.0, 0.5, 17.0, -4.0]) {
            let (got, want) = (Real::powf(x, y), f64::from(x).powf(f64::from(y)) as f32);
            assert!(same(got.to_f64(), want.to_f64()), "{x}^{y} = {got}, not {want}");
        }
        for n in [0, 1, 2, 3, 10, -1, -2, -5] {
            let error = ulps(Real::powi(x, n), f64::from(x).powi(n));
            assert!(error <= f64::from(n).abs(), "{x}^{n}: {error} ulp");
        }
    }
    assert!(Real::powf(-2.0f32, 0.5).is_nan());
    assert_eq!(Real::powf(-2.0f32, 3.0), -8.0);
}

#[test]
fn remainders_and_angles_have_their_signs() {
    assert_eq!((Real::fmod(5.5f32, -2.0), Real::fmod(-5.5f32, 2.0)), (1.5, -1.5));
    let quarter = std::f32::consts::FRAC_PI_4;
    assert_eq!(Real::atan2(1.0f32, 1.0), quarter);
    assert_eq!(Real::atan2(1.0f32, -1.0), 3.0 * quarter);
    assert_eq!(Real::atan2(-1.0f32, -1.0), -3.0 * quarter);
    assert!(same(Real::atan2(-0.0f64, 1.0), -0.0));
}

#[test]
fn sine_stays_bounded_where_its_argument_has_no_digits() {
    for bits in (2e8f32.to_bits()..f32::INFINITY.to_bits()).step_by(9973) {
        let (s, c) = (Real::sin(f32::from_bits(bits)), Real::cos(f32::from_bits(bits)));
        assert!(s.abs() <= 1.0 && c.abs() <= 1.0, "{bits:#x}: {s} {c}");
    }
    // Two angles of the range where the error is |x|·2⁻⁵³.
    for x in [1e10f32, -3e12] {
        let wide = f64::from(x);
        let allowed = wide.abs() * 2f64.powi(-52) + 1e-7;
        assert!((Real::sin(x).to_f64() - wide.sin()).abs() < allowed);
    }
}

#[test]
fn gamma_functions_have_their_known_values() {
    let close = |got: f64, want: f64| assert!((got - want).abs() <= 1e-14 * want.abs().max(1.0), "{got} not {want}");
    let euler = 0.577_215_664_901_532_9;
    close(Real::lgamma(0.5f64), 0.5 * f64::PI.ln());
    close(Real::lgamma(11.0f64), 3_628_800f64.ln());
    close(Real::digamma(1.0f64), -euler);
    close(Real::digamma(0.5f64), -euler - 2.0 * 2f64.ln());
    close(Real::digamma(0.25f64), -euler - f64::HALF * f64::PI - 3.0 * 2f64.ln());
    close(Real::digamma(-0.5f64), 2.0 - euler - 2.0 * 2f64.ln());
    close(Real::digamma(1.461_632_144_968_362_3f64), 0.0);
    close(Real::digamma(1e6f64), 13.815_510_057_964_191);
    // The slope of lgamma, through the switch from recurrence to series.
    for i in 1..60 {
        let (x, h) = (f64::from(i) * 0.37, 1e-5);
        let slope = (Real::lgamma(x + h) - Real::lgamma(x - h)) / (2.0 * h);
        assert!((Real::digamma(x) - slope).abs() < 1e-7 * (1.0 + slope.abs()), "at {x}");
    }
    assert!(Real::digamma(-3.0f64).is_nan() && Real::lgamma(-3.0f64) == f64::INFINITY);
}

#[test]
fn f64_error_functions_add_up() {
    for i in -80..=80 {
        let x = f64::from(i) * 0.1;
        assert!((Real::erf(x) + Real::erfc(x) - 1.0).abs() < 4e-16, "at {x}");
    }
    assert!((Real::erf(0.5f64) - 0.520_499_877_813_046_5).abs() < 1e-15);
    assert!((Real::erfc(5.0f64) / 1.537_459_794_428_035e-12 - 1.0).abs() < 1e-14);
}
