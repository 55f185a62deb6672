fn f_constant(value: T) -> T {
    return value;
}

fn f_count(start: T, step: T, i: u32) -> T {
    return start + step * T(i);
}
