// The weighed sums of windows' pixels.
fn of_windows(v: Pixels) -> vec4<T> {
    return (((v.p0 + v.p1) + v.p2) + v.p3) * weight(vec3<i32>(0));
}
