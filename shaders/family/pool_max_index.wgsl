// The largest pixel of a window, and its place in the window; the first of equals, and NaN beats every number.
fn window(i: u32, plane: u32, first: vec3<i32>) {
    let low = max(first, vec3<i32>(0));
    let high = min(first + ksize(), image());
    if (any(low >= high)) {
        // Nothing but padding.
        store_y(i, T(math_infinity(-1.0)));
        put_index(i, 0);
        return;
    }
    var best = load_x(plane, place(low, image()));
    var at = low;
    for (var z = low.x; z < high.x; z++) {
        for (var y = low.y; y < high.y; y++) {
            for (var x = low.z; x < high.z; x++) {
                let c = vec3<i32>(z, y, x);
                let v = load_x(plane, place(c, image()));
                if (v > best || (is_nan(v) && !is_nan(best))) {
                    best = v;
                    at = c;
                }
            }
        }
    }
    store_y(i, best);
    put_index(i, i32(place(at - first, ksize())));
}
