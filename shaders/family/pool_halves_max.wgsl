// The largest of the four pixels of windows, the first of equals, and its place; NaN beats every number.
struct Largest {
    value: vec4<T>,
    place: vec4<i32>,
}

fn larger(a: Largest, v: vec4<T>, place: i32) -> Largest {
    let wins = (v > a.value) | (are_nan(v) & !are_nan(a.value));
    return Largest(select(a.value, v, wins), select(a.place, vec4<i32>(place), wins));
}

fn largest(v: Pixels) -> Largest {
    return larger(larger(larger(Largest(v.p0, vec4<i32>(0)), v.p1, 1), v.p2, 2), v.p3, 3);
}

fn of_windows(v: Pixels) -> vec4<T> {
    return largest(v).value;
}
