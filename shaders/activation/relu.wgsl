fn f_relu(x: T) -> T {
    // A NaN is neither above zero nor equal to itself: it stays.
    return select(select(T(0), x, x > T(0)), x, x != x);
}

fn f_relu_grad(y: T, gy: T) -> T {
    return select(T(0), gy, y > T(0));
}
