fn f_floor(x: T) -> T {
    return floor(x);
}

fn f_ceil(x: T) -> T {
    return ceil(x);
}

fn f_fix(x: T) -> T {
    return trunc(x);
}

// The quotient may round to the next integer: the remainder is put back between zero and the divisor.
fn f_fmod(x: T, y: T) -> T {
    let a = abs(x);
    let b = abs(y);
    var r = a - b * trunc(a / b);
    r = select(r, r + b, r < T(0));
    r = select(r, r - b, r >= b);
    // Nothing of a number fits a divisor without end.
    r = select(r, a, b > T(3.4028234e38) && a <= T(3.4028234e38));
    return select(r, -r, x < T(0));
}
