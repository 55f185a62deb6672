fn f_damped(x: T, sum: T, power: T) -> T {
    // A power of NaN is a number to some drivers.
    return x * select(pow(sum, -power), sum, is_nan(sum));
}
