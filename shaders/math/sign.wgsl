// NaN is neither above zero nor below, and stays.
fn math_sign(x: T) -> T {
    return select(select(x, T(-1), x < T(0)), T(1), x > T(0));
}

fn f_sign(x: T) -> T {
    return math_sign(x);
}

fn f_absolute_grad(x: T, gy: T) -> T {
    return math_sign(x) * gy;
}
