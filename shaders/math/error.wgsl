// The error function and what is made of it. Needs math/limits.wgsl, math/logarithm.wgsl and math/is_nan.wgsl.

// erf(x) / x - 1 in z = x * x for |x| up to 0.9277.
fn math_erf_series(z: f32) -> f32 {
    return 0.12837915
        + z * (-0.376125 + z * (0.11281863 + z * (-2.6767593e-2 + z * (4.9938112e-3 + z * -5.9908215e-4))));
}

fn math_erf(x: f32) -> f32 {
    let a = abs(x);
    let small = a + a * math_erf_series(a * a);
    let t = min(a, 4.0);
    // -ln erfc(t), from 0.9277 to 4; beyond, erf rounds to one.
    let l = -1.7672953e-4 + t * (1.1295247 + t * (0.63332725 + t * (0.10830163 + t * (-2.5133312e-2
        + t * (4.1763242e-3 + t * (-4.355476e-4 + t * 2.1188984e-5))))));
    let y = select(1.0 - exp(-l), small, a < 0.9277);
    return select(select(y, -y, x < 0.0), x, is_nan(x));
}

// exp(a * a) * erfc(a) for a from 0 to 10: a polynomial in (a - 2) / (a + 2) over 1 + 2a.
fn math_erfcx_near(a: f32) -> f32 {
    let q = (a - 2.0) / (a + 2.0);
    let p = 1.2769784 + q * (-9.2763916e-2 + q * (-0.16603094 + q * (0.16405459 + q * (-5.4207683e-2
        + q * (-8.057933e-3 + q * (8.641112e-3 + q * (1.31434e-3 + q * (-1.2390872e-3 + q * -4.0529185e-4))))))));
    return p / (1.0 + 2.0 * a);
}

// exp(-a * a): the leading bits of a are squared exactly, since the exponential multiplies an error by a * a.
fn math_exp_square(a: f32) -> f32 {
    let head = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
    return exp(-head * head) * exp(-(a - head) * (a + head));
}

fn math_erfc(x: f32) -> f32 {
    let a = min(abs(x), 11.0);
    let y = math_erfcx_near(a) * math_exp_square(a);
    let far = select(y, 2.0 - y, x < 0.0);
    return select(select(far, 1.0 - (x + x * math_erf_series(x * x)), abs(x) < 0.65), x, is_nan(x));
}

fn math_erfcx(x: f32) -> f32 {
    let a = abs(x);
    let z = 1.0 / (a * a);
    let far = 0.5641896 / a * (1.0 - 0.5 * z * (1.0 - 1.5 * z * (1.0 - 2.5 * z)));
    let y = select(math_erfcx_near(min(a, 10.0)), far, a > 10.0);
    let e = 2.0 * exp(min(x * x, 89.0)) - y;
    let below = select(e, math_infinity(a), x < -9.4);
    return select(select(y, below, x < 0.0), x, is_nan(x));
}

// The x > 0 or near it with erfc(x) = y, for 0 < y <= 1: a rational estimate and two steps of Halley's method.
fn math_erfc_inverse(y: f32) -> f32 {
    let t = sqrt(-2.0 * math_log(0.5 * y));
    var x = 0.70710677 * (t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + 0.04481 * t)));
    for (var k = 0; k < 2; k++) {
        let error = math_erfc(x) - y;
        x += error / (1.1283792 * math_exp_square(x) - x * error);
    }
    return x;
}

fn math_erfcinv(y: f32) -> f32 {
    let tail = math_erfc_inverse(min(y, 2.0 - y));
    let x = select(select(tail, -tail, y > 1.0), 0.0, y == 1.0);
    let ends = select(select(x, math_infinity(y + 1.0), y == 0.0), -math_infinity(abs(y)), y == 2.0);
    return select(select(ends, math_nan(y), y < 0.0 || y > 2.0), y, is_nan(y));
}

fn math_erfinv(y: f32) -> f32 {
    let a = abs(y);
    // Near zero 1 - a would lose what a has: the same method on erf itself.
    var near = a * (0.88622695 + 0.23201367 * a * a);
    for (var k = 0; k < 2; k++) {
        let error = math_erf(near) - a;
        near -= error / (1.1283792 * math_exp_square(near) + near * error);
    }
    let x = select(math_erfcinv(1.0 - a), near, a < 0.5);
    return select(select(x, -x, y < 0.0), y, is_nan(y));
}

fn math_log_ndtr(x: f32) -> f32 {
    let below = math_log(0.5 * math_erfcx(max(-x, 0.0) * 0.70710677)) - 0.5 * x * x;
    let above = math_log1p(-0.5 * math_erfc(max(x, 0.0) * 0.70710677));
    return select(select(above, below, x < 0.0), x, is_nan(x));
}

fn f_erf(x: T) -> T {
    return math_erf(x);
}

fn f_erfc(x: T) -> T {
    return math_erfc(x);
}

fn f_erfcx(x: T) -> T {
    return math_erfcx(x);
}

fn f_erfinv(x: T) -> T {
    return math_erfinv(x);
}

fn f_erfcinv(x: T) -> T {
    return math_erfcinv(x);
}

fn f_ndtr(x: T) -> T {
    return 0.5 * math_erfc(-0.70710677 * x);
}

fn f_log_ndtr(x: T) -> T {
    return math_log_ndtr(x);
}

fn f_ndtri(x: T) -> T {
    return -1.4142135 * math_erfcinv(2.0 * x);
}
