// Quotients that are rounded down, of integers; what is divided by zero gives zero, as NumPy's.

fn f_integer_quotient(x: T, y: T) -> T {
    let by = select(y, T(1), y == T(0));
    let q = x / by;
    let r = x - q * by;
    let apart = r != T(0) && (r < T(0)) != (by < T(0));
    return select(select(q, q - T(1), apart), T(0), y == T(0));
}

fn f_integer_remainder(x: T, y: T) -> T {
    return select(x - f_integer_quotient(x, y) * y, T(0), y == T(0));
}
