// The gamma function's logarithm and its derivatives. Needs math/limits.wgsl, math/logarithm.wgsl, math/roots.wgsl,
// math/is_nan.wgsl and math/trigonometric.wgsl.

// ln Gamma of x > 0: by x Gamma(x) = Gamma(x + 1) to where Stirling's series is exact, and that series.
fn math_lgamma_positive(x: f32) -> f32 {
    var z = x;
    var product = 1.0;
    for (var k = 0; k < 4; k++) {
        if (z < 4.0) {
            product *= z;
            z += 1.0;
        }
    }
    let w = 1.0 / (z * z);
    let series = (0.083333336 + w * (-2.7777778e-3 + w * (7.9365077e-4 + w * -5.952381e-4))) / z;
    return ((z - 0.5) * math_log(z) - z + 0.9189385) + series - math_log(product);
}

// How far x is from the nearest integer: all of a small number.
fn math_away(x: f32) -> f32 {
    return x - round(x);
}

fn f_lgamma(x: T) -> T {
    let positive = math_lgamma_positive(select(x, 1.0 - x, x < 0.5));
    let f = abs(math_away(x));
    let reflected = select(math_log(3.1415927 / math_sin(3.1415927 * f)) - positive, -math_log(f), abs(x) < 1e-8);
    let y = select(positive, select(reflected, math_infinity(1.0), f == 0.0), x < 0.5);
    return select(select(y, math_infinity(1.0), abs(x) == math_infinity(1.0)), x, is_nan(x));
}

fn math_digamma_positive(x: f32) -> f32 {
    var z = x;
    var below = 0.0;
    for (var k = 0; k < 6; k++) {
        if (z < 6.0) {
            below += 1.0 / z;
            z += 1.0;
        }
    }
    let w = 1.0 / (z * z);
    let series = w * (0.083333336 + w * (-8.333334e-3 + w * (3.968254e-3 + w * -4.1666667e-3)));
    return math_log(z) - 0.5 / z - series - below;
}

fn f_digamma(x: T) -> T {
    let f = math_away(x);
    let reflected = math_digamma_positive(1.0 - min(x, 0.0)) - 3.1415927 / math_tan(3.1415927 * f);
    let negative = select(reflected, math_nan(x), f == 0.0);
    let y = select(math_digamma_positive(max(x, 0.0)), negative, x < 0.0);
    return select(select(y, -math_infinity(x), x == 0.0), x, is_nan(x) || x == math_infinity(1.0));
}

// Hurwitz's zeta function by the Euler-Maclaurin sum, with eight terms before it, and those of negative q before them.
fn math_zeta(s: f32, q: f32) -> f32 {
    var sum = 0.0;
    var first = q;
    let odd = s * 0.5 != floor(s * 0.5);
    for (var k = 0; k < 4096 && first < 0.0; k++) {
        let term = pow(-first, -s);
        sum += select(term, -term, odd);
        first += 1.0;
    }
    for (var k = 0; k < 8; k++) {
        sum += pow(first + f32(k), -s);
    }
    let a = first + 8.0;
    // Of a large a, its power underflows before that times a.
    let power = pow(a, -s);
    let w = 1.0 / (a * a);
    let tail = s / 12.0 * (1.0 - w * (s + 1.0) * (s + 2.0) / 60.0 * (1.0 - w * (s + 3.0) * (s + 4.0) / 42.0));
    return sum + pow(a, 1.0 - s) / (s - 1.0) + power * (0.5 + tail / a);
}

fn f_zeta(q: T, s: T) -> T {
    let y = math_zeta(s, q);
    let undefined = q < 0.0 && (s != floor(s) || q < -4096.0);
    let pole = q <= 0.0 && q == floor(q);
    return select(select(select(y, math_nan(q), undefined), math_infinity(abs(q)), pole), q, is_nan(q));
}

fn f_zeta_each(s: T, q: T) -> T {
    let above = s > 1.0;
    let y = f_zeta(q, select(T(2), s, above));
    return select(select(math_nan(s), math_infinity(abs(s)), s == 1.0), y, above);
}
