// Logarithms with stated results outside of the positive numbers. Needs math/limits.wgsl.

// ln(1 + x) for x in [-0.5, 1]: 2 artanh(x / (2 + x)), without the sum that would lose x.
fn math_log1p_near(x: f32) -> f32 {
    let s = x / (2.0 + x);
    let z = s * s;
    let series = 0.6666667 + z * (0.4 + z * (0.2857143 + z * (0.2222222 + z * (0.1818182 + z * 0.1538462))));
    return s * (2.0 + z * series);
}

fn math_log(x: f32) -> f32 {
    let near = math_log1p_near(x - 1.0);
    let y = select(log(x), near, abs(x - 1.0) < 0.3);
    return select(select(y, math_nan(x), x < 0.0), -math_infinity(abs(x)), x == 0.0);
}

fn math_log1p(x: f32) -> f32 {
    return select(math_log(1.0 + x), math_log1p_near(x), abs(x) < 0.5);
}
