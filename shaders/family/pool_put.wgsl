// What the window at `o` gives to the pixel at `c`, padding included in its place: all, if its index names it.
fn share(plane: u32, o: vec3<i32>, c: vec3<i32>) -> T {
    let at = place(o, pooled_image());
    let sides = pooled_image();
    let named = get_index(plane * u32(sides.x * sides.y * sides.z) + at);
    if (named == i32(place(c - o * stride(), ksize()))) {
        return load_x(plane, at);
    }
    return T(0);
}
