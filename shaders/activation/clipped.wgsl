fn f_clipped_relu(x: T, z: T) -> T {
    return select(select(x, T(0), x < T(0)), z, x > z);
}

fn f_clipped_relu_grad(x: T, gy: T, z: T) -> T {
    return select(T(0), gy, x > T(0) && x < z);
}

fn f_hard_sigmoid(x: T) -> T {
    let y = x * T(0.2) + T(0.5);
    return select(select(y, T(0), y < T(0)), T(1), y > T(1));
}

fn f_hard_sigmoid_grad(x: T, gy: T) -> T {
    return select(T(0), gy * T(0.2), abs(x) < T(2.5));
}
