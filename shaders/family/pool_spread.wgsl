// What the window at `o` gives to each of its pixels.
fn share(plane: u32, o: vec3<i32>, c: vec3<i32>) -> T {
    return load_x(plane, place(o, pooled_image())) * weight(o * stride() - padding());
}
