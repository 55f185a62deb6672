// Two partial results of a reduction to one; NaN beats every number.

fn f_fold_sum(a: T, b: T) -> T {
    return a + b;
}

fn f_fold_prod(a: T, b: T) -> T {
    return a * b;
}

fn f_fold_max(a: T, b: T) -> T {
    return select(a, b, (b > a) || is_nan(b));
}

fn f_fold_min(a: T, b: T) -> T {
    return select(a, b, (b < a) || is_nan(b));
}
