fn f_identity(x: T) -> T {
    return x;
}

fn f_truth(x: T) -> T {
    // NaN is true.
    return select(T(0), T(1), x != T(0) || is_nan(x));
}
