// The weighed sum of a window's pixels.
fn window(i: u32, plane: u32, first: vec3<i32>) {
    let low = max(first, vec3<i32>(0));
    let high = min(first + ksize(), image());
    var sum = T(0);
    for (var z = low.x; z < high.x; z++) {
        for (var y = low.y; y < high.y; y++) {
            for (var x = low.z; x < high.z; x++) {
                sum += load_x(plane, place(vec3<i32>(z, y, x), image()));
            }
        }
    }
    store(i, sum * weight(first));
}
