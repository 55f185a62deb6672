// The largest pixel of a window; NaN beats every number.
fn window(i: u32, plane: u32, first: vec3<i32>) {
    let low = max(first, vec3<i32>(0));
    let high = min(first + ksize(), image());
    if (any(low >= high)) {
        // Nothing but padding.
        store(i, T(math_infinity(-1.0)));
        return;
    }
    var best = load_x(plane, place(low, image()));
    for (var z = low.x; z < high.x; z++) {
        for (var y = low.y; y < high.y; y++) {
            for (var x = low.z; x < high.z; x++) {
                let v = load_x(plane, place(vec3<i32>(z, y, x), image()));
                if (v > best || (is_nan(v) && !is_nan(best))) {
                    best = v;
                }
            }
        }
    }
    store(i, best);
}
