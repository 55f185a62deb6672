// Needs math/exponential.wgsl and what that needs.
fn f_elu(x: T, alpha: T) -> T {
    return select(x, alpha * math_expm1(x), x <= T(0));
}

// gy, times the slope y + alpha where y <= 0.
fn f_elu_grad(y: T, gy: T, alpha: T) -> T {
    return select(gy * (y + alpha), gy, y > T(0));
}
