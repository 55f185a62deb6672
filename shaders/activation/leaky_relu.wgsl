fn f_leaky_relu(x: T, slope: T) -> T {
    return select(x, x * slope, x < T(0));
}

// gy, times the slope where x <= 0.
fn f_leaky_relu_grad(x: T, gy: T, slope: T) -> T {
    return select(gy, gy * slope, x <= T(0));
}
