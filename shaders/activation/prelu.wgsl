fn f_prelu(x: T, w: T) -> T {
    return select(x * w, x, x >= T(0));
}

fn f_prelu_pass(x: T, w: T, gy: T) -> T {
    return select(gy * w, gy, x >= T(0));
}

// v where x is negative, else 0.
fn f_where_negative(x: T, v: T) -> T {
    return select(v, T(0), x >= T(0));
}
