// Needs activation/sigmoid.wgsl and math/logarithm.wgsl.
fn math_softplus(x: f32) -> f32 {
    return select(x, 0.0, x < 0.0) + math_log1p_near(exp(-abs(x)));
}

fn f_softplus(x: T, beta: T) -> T {
    return math_softplus(x * beta) / beta;
}

fn f_softplus_grad(x: T, gy: T, beta: T) -> T {
    return gy * math_sigmoid(x * beta);
}
