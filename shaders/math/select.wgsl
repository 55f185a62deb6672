// Choices that hold for integers too. A NaN stays. Needs math/is_nan.wgsl.

fn f_absolute(x: T) -> T {
    return abs(x);
}

fn f_maximum(a: T, b: T) -> T {
    return select(select(b, a, a > b), a, is_nan(a));
}

fn f_minimum(a: T, b: T) -> T {
    return select(select(b, a, a < b), a, is_nan(a));
}

fn f_pass_ge(a: T, b: T, gy: T) -> T {
    return select(T(0), gy, a >= b);
}

fn f_pass_lt(a: T, b: T, gy: T) -> T {
    return select(gy, T(0), a >= b);
}

fn f_clip(x: T, low: T, high: T) -> T {
    return select(select(x, low, x < low), high, x > high);
}

fn f_clip_grad(x: T, gy: T, low: T, high: T) -> T {
    return select(T(0), gy, x >= low && x <= high);
}

fn f_where(c: T, a: T, b: T) -> T {
    return select(b, a, c != T(0));
}

fn f_equal(a: T, b: T) -> T {
    return select(T(0), T(1), a == b);
}

fn f_not_equal(a: T, b: T) -> T {
    // As SPIR-V, `a != b` is false of a NaN.
    return select(T(1), T(0), a == b);
}

fn f_less(a: T, b: T) -> T {
    return select(T(0), T(1), a < b);
}

fn f_less_equal(a: T, b: T) -> T {
    return select(T(0), T(1), a <= b);
}

fn f_logical_not(a: T) -> T {
    return select(T(0), T(1), a == T(0));
}

fn f_logical_and(a: T, b: T) -> T {
    return select(T(0), T(1), a != T(0) && b != T(0));
}

fn f_logical_or(a: T, b: T) -> T {
    return select(T(0), T(1), a != T(0) || b != T(0));
}

fn f_logical_xor(a: T, b: T) -> T {
    return select(T(0), T(1), (a != T(0)) != (b != T(0)));
}

fn f_isnan(x: T) -> T {
    return select(T(0), T(1), is_nan(x));
}

fn f_isinf(x: T) -> T {
    return select(T(0), T(1), is_infinite(x));
}

fn f_isfinite(x: T) -> T {
    return select(T(1), T(0), is_nan(x) || is_infinite(x));
}

fn f_isclose(a: T, b: T, rtol: T, atol: T) -> T {
    let near = abs(a - b) <= atol + rtol * abs(b) && !is_nan(b) && !is_infinite(b);
    return select(T(0), T(1), a == b || near);
}
