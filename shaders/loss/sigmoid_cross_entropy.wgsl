fn f_sigmoid_cross_entropy(x: T, label: T) -> T {
    let e = exp(-abs(x));
    // The logarithm of 1 + e loses a small e.
    let tail = select(log(T(1) + e), e * (T(1) - T(0.5) * e), e < T(0.0009765625));
    // Nothing of an infinite x where the label is what its sign says.
    let off = select(T(0), T(1), x >= T(0)) - label;
    return select(select(x * off, T(0), off == T(0)) + tail, T(0), label < T(0));
}

fn f_sigmoid_cross_entropy_grad(x: T, label: T, scale: T, gy: T) -> T {
    let e = exp(-abs(x));
    let y = select(e, T(1), x >= T(0)) / (T(1) + e);
    return select((y - label) * (scale * gy), T(0), label < T(0));
}

fn f_sigmoid_cross_entropy_slope(x: T, label: T, g: T) -> T {
    let e = exp(-abs(x));
    let d = T(1) + e;
    return select(e / (d * d) * g, T(0), label < T(0));
}
