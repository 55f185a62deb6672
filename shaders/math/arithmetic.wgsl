fn f_add(a: T, b: T) -> T {
    return a + b;
}

fn f_add_constant(x: T, c: T) -> T {
    return x + c;
}

fn f_sub(a: T, b: T) -> T {
    return a - b;
}

fn f_sub_from_constant(x: T, c: T) -> T {
    return c - x;
}

fn f_mul(a: T, b: T) -> T {
    return a * b;
}

fn f_mul_constant(x: T, c: T) -> T {
    return x * c;
}

fn f_div(a: T, b: T) -> T {
    return a / b;
}

fn f_div_from_constant(x: T, c: T) -> T {
    return c / x;
}

fn f_neg(x: T) -> T {
    // Also of an unsigned type, by its complement.
    return T(0) - x;
}

fn f_square(x: T) -> T {
    return x * x;
}

fn f_linear_interpolate(p: T, x: T, y: T) -> T {
    return p * x + (T(1) - p) * y;
}
