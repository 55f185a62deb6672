// A NaN stays. Needs math/is_nan.wgsl.
fn f_relu(x: T) -> T {
    return select(select(T(0), x, x > T(0)), x, is_nan(x));
}

fn f_relu_grad(y: T, gy: T) -> T {
    return select(T(0), gy, y > T(0));
}
