// What the window at `o` gives to each of its pixels on a line.
fn shares(plane: u32, o: vec3<i32>, c: vec2<i32>) -> vec4<T> {
    let v = load_x(plane, place(o, pooled_image())) * weight(o * stride() - padding());
    return select(vec4<T>(), vec4<T>(v), vec4<i32>(0, 1, 2, 3) < vec4<i32>(ksize().z));
}
