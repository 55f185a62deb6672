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

fn f_round(x: T) -> T {
    return round(x);
}

// Whether a remainder with the sign of the dividend lies on the other side of zero than the divisor.
fn math_opposed(r: T, y: T) -> bool {
    return (r < T(0) && y > T(0)) || (r > T(0) && y < T(0));
}

fn f_remainder(x: T, y: T) -> T {
    let r = f_fmod(x, y);
    return select(r, r + y, math_opposed(r, y));
}

fn f_floor_divide(x: T, y: T) -> T {
    let r = f_fmod(x, y);
    let q = (x - r) / y;
    // An integer but for rounding.
    let down = select(q, q - T(1), math_opposed(r, y));
    let below = floor(down);
    return select(select(below, below + T(1), down - below > T(0.5)), x / y, y == T(0));
}
