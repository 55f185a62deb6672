fn f_damped(x: T, sum: T, power: T) -> T {
    // A power of NaN is a number to some drivers.
    return x * select(pow(sum, -power), sum, is_nan(sum));
}

fn f_damped_by_roots(x: T, sum: T) -> T {
    let root = sqrt(sum);
    return x / select(root * sqrt(root), sum, is_nan(sum));
}
