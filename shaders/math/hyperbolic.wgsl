// Needs math/exponential.wgsl and what that needs.

// e^a / 2 for large a, where e^a itself may overflow.
fn math_half_exp(a: f32) -> f32 {
    let root = exp(0.5 * a);
    return (0.5 * root) * root;
}

fn f_sinh(x: T) -> T {
    let a = abs(x);
    let e = math_expm1(min(a, 20.0));
    let y = select(math_half_exp(a), 0.5 * (e + e / (e + 1.0)), a < 20.0);
    return select(select(y, -y, x < 0.0), x, is_nan(x));
}

fn f_cosh(x: T) -> T {
    let a = abs(x);
    let e = exp(min(a, 20.0));
    return select(select(math_half_exp(a), 0.5 * (e + 1.0 / e), a < 20.0), x, is_nan(x));
}

fn f_arctanh(x: T) -> T {
    let a = abs(x);
    let y = 0.5 * math_log1p(2.0 * a / (1.0 - a));
    let s = select(y, -y, x < 0.0);
    return select(select(s, math_nan(x), a > 1.0), x, is_nan(x));
}

// From 1e9 on the root is the number itself, whose square may overflow.
fn f_arcsinh(x: T) -> T {
    let a = abs(x);
    let near = math_log1p(a + a * a / (1.0 + sqrt(1.0 + a * a)));
    let y = select(near, math_log(a) + 0.6931472, a > 1e9);
    return select(select(y, -y, x < 0.0), x, is_nan(x));
}

fn f_arccosh(x: T) -> T {
    let near = math_log1p(x - 1.0 + sqrt((x - 1.0) * (x + 1.0)));
    let y = select(near, math_log(x) + 0.6931472, x > 1e9);
    return select(select(select(y, 0.0, x == 1.0), math_nan(x), x < 1.0), x, is_nan(x));
}
