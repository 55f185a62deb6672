// The pixel of a window that its index names; zero where that is padding.
fn window(i: u32, plane: u32, first: vec3<i32>) {
    let k = ksize();
    let index = get_index(i);
    let c = first + vec3<i32>(index / (k.y * k.z), (index / k.z) % k.y, index % k.z);
    var v = T(0);
    if (index >= 0 && all(c >= vec3<i32>(0)) && all(c < image())) {
        v = load_x(plane, place(c, image()));
    }
    store(i, v);
}
