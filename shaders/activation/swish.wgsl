// Needs activation/sigmoid.wgsl.
fn f_swish(x: T, beta: T) -> T {
    return x * math_sigmoid(beta * x);
}
