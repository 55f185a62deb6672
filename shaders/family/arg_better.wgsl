// Whether element a, from place a_at, comes before b: by size (LARGEST = 1: the larger first), then by place.
fn better(a: T, a_at: u32, b: T, b_at: u32) -> bool {
    let a_nan = is_nan(a);
    let b_nan = is_nan(b);
    if (a_nan || b_nan) {
        return a_nan && (!b_nan || a_at < b_at);
    }
    if (a == b) {
        return a_at < b_at;
    }
    return select((a < b), (a > b), LARGEST == 1u);
}

// Whether values from later places are better.
fn are_better(a: vec4<T>, b: vec4<T>) -> vec4<bool> {
    var beyond = a < b;
    if (LARGEST == 1u) {
        beyond = a > b;
    }
    return beyond | (are_nan(a) & !are_nan(b));
}
