fn f_normalized(x: T, mean: T, scale: T, gamma: T, beta: T) -> T {
    return (x - mean) * scale * gamma + beta;
}

fn f_standardized(x: T, mean: T, scale: T) -> T {
    return (x - mean) * scale;
}

// `part` is one over the number of elements, `sum` and `dot` sums over them of gy and of gy times what x is standardized to.
fn f_normalized_grad(x: T, gy: T, gamma: T, mean: T, scale: T, sum: T, dot: T, part: T) -> T {
    return scale * gamma * (gy - (sum + (x - mean) * scale * dot) * part);
}

// As f_normalized_grad, with `sum` and `dot` of gy times gamma.
fn f_normalized_grad_within(x: T, gy: T, gamma: T, mean: T, scale: T, sum: T, dot: T, part: T) -> T {
    return scale * (gy * gamma - (sum + (x - mean) * scale * dot) * part);
}

fn f_fixed_batch_normalization(x: T, gamma: T, beta: T, mean: T, variance: T, eps: T) -> T {
    return (x - mean) / sqrt(variance + eps) * gamma + beta;
}
