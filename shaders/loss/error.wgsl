// Errors between two arrays, and their derivatives.

fn f_squared_error(a: T, b: T) -> T {
    return (a - b) * (a - b);
}

fn f_squared_error_grad(a: T, b: T, gy: T, c: T) -> T {
    return c * (a - b) * gy;
}

fn f_absolute_error(a: T, b: T) -> T {
    return abs(a - b);
}

fn f_absolute_error_grad(a: T, b: T, gy: T, c: T) -> T {
    // Of equal numbers zero, and NaN where there is no difference.
    return select(select(a - b, -c, a < b), c, a > b) * gy;
}

fn f_huber_loss(a: T, b: T, delta: T) -> T {
    let d = abs(a - b);
    return select(T(0.5) * d * d, delta * (d - T(0.5) * delta), d > delta);
}

fn f_huber_loss_grad(a: T, b: T, gy: T, delta: T) -> T {
    // Not `clamp`, which may lose a NaN.
    let d = a - b;
    return select(select(d, -delta, d < -delta), delta, d > delta) * gy;
}

fn f_huber_loss_mask(a: T, b: T, g: T, delta: T) -> T {
    return select(T(0), g, abs(a - b) <= delta);
}
