// The exponential is of a negative number on both sides: nothing overflows, nothing cancels.
fn math_sigmoid(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(T(1), e, x < T(0)) / (T(1) + e);
}

fn f_sigmoid(x: T) -> T {
    return math_sigmoid(x);
}

fn f_sigmoid_grad(y: T, gy: T) -> T {
    return gy * y * (T(1) - y);
}
