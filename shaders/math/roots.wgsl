// Needs math/limits.wgsl. Drivers may compute sqrt(x) as x * inverseSqrt(x), which is no number at either end.

fn math_sqrt(x: f32) -> f32 {
    let y = select(sqrt(x), x, x == 0.0 || x == math_infinity(1.0));
    return select(y, math_nan(x), x < 0.0);
}

fn f_sqrt(x: T) -> T {
    return math_sqrt(x);
}

fn f_rsqrt(x: T) -> T {
    return T(1) / math_sqrt(x);
}
