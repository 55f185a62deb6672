// Needs math/limits.wgsl, math/is_nan.wgsl and math/logarithm.wgsl.

// By the larger leg, whose square may overflow. An infinite leg is longer than one that is not known.
fn f_hypot(x: T, y: T) -> T {
    let a = abs(x);
    let b = abs(y);
    let long = select(b, a, a > b);
    let r = select(a, b, a > b) / long;
    let h = select(long * sqrt(1.0 + r * r), 0.0, long == 0.0);
    let known = select(h, math_nan(x), is_nan(x) || is_nan(y));
    return select(known, math_infinity(a), is_infinite(x) || is_infinite(y));
}

// Equal infinities have no difference.
fn f_logaddexp(a: T, b: T) -> T {
    let larger = select(select(b, a, a > b), a, is_nan(a));
    return select(larger + math_log1p(exp(-abs(a - b))), a + 0.6931472, a == b);
}
