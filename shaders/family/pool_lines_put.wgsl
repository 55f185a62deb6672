// What the window at `o` gives to its pixels on the line at `c`: all, to the one that its index names.
fn shares(plane: u32, o: vec3<i32>, c: vec2<i32>) -> vec4<T> {
    let sides = pooled_image();
    let at = place(o, sides);
    let begin = i32(place(vec3<i32>(c - o.xy * stride().xy, 0), ksize()));
    let named = get_index(plane * u32(sides.x * sides.y * sides.z) + at) - begin;
    if (named < 0 || named >= ksize().z) {
        return vec4<T>();
    }
    return select(vec4<T>(), vec4<T>(load_x(plane, at)), vec4<i32>(0, 1, 2, 3) == vec4<i32>(named));
}
