fn f_damped(x: T, sum: T, power: T) -> T {
    return x * pow(sum, -power);
}
