fn f_exp(x: T) -> T {
    return exp(x);
}

fn f_log(x: T) -> T {
    return math_log(x);
}
