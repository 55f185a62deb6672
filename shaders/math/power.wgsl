// Needs math/limits.wgsl and math/is_nan.wgsl.

// x to the power n by repeated squaring; the reciprocal for a negative n.
fn f_pow_integer(x: T, n: T) -> T {
    var left = u32(abs(n));
    var base = x;
    var power = T(1);
    while (left > 0u) {
        if ((left & 1u) == 1u) {
            power *= base;
        }
        base *= base;
        left >>= 1u;
    }
    return select(power, T(1) / power, n < T(0));
}

// Of a negative base only with an integer exponent, whose lowest bit gives the sign; NaN otherwise.
fn math_pow(x: f32, y: f32) -> f32 {
    let integer = floor(y) == y;
    let odd = integer && floor(0.5 * y) * 2.0 != y;
    let size = pow(abs(x), y);
    let at_zero = select(0.0, math_infinity(abs(x)), y < 0.0);
    let value = select(size, at_zero, x == 0.0);
    let signed = select(value, select(select(math_nan(x), value, x < -3.4028234e38), select(value, -value, odd), integer), x < 0.0);
    return select(select(signed, x + y, is_nan(x) || is_nan(y)), 1.0, y == 0.0 || x == 1.0);
}

fn f_pow(x: T, y: T) -> T {
    return math_pow(x, y);
}

fn f_pow_scalar(x: T, c: T) -> T {
    return math_pow(x, c);
}

fn f_scalar_pow(x: T, c: T) -> T {
    return math_pow(c, x);
}
