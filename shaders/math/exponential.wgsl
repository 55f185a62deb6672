// Needs math/limits.wgsl and math/logarithm.wgsl.

// e^x - 1; below 0.35 by its series, which loses nothing of a small x.
fn math_expm1(x: f32) -> f32 {
    let series = 0.49999997 + x * (0.16666545 + x * (4.1667446e-2 + x * (8.366447e-3 + x * 1.3869844e-3)));
    return select(exp(x) - 1.0, x + x * x * series, abs(x) < 0.35);
}

fn f_exp(x: T) -> T {
    return exp(x);
}

fn f_expm1(x: T) -> T {
    return math_expm1(x);
}

fn f_log(x: T) -> T {
    return math_log(x);
}

fn f_log2(x: T) -> T {
    // The built-in function is exact at powers of two.
    return select(math_log(x) * 1.442695, log2(x), x > 0.0 && abs(x - 1.0) >= 0.3);
}

fn f_log10(x: T) -> T {
    return math_log(x) * 0.4342945;
}

fn f_log1p(x: T) -> T {
    return math_log1p(x);
}

fn f_exp2(x: T) -> T {
    return exp2(x);
}
