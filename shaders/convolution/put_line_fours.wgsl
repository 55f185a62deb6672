// Four neighbouring results by one vector.

fn put(at: u32, n: u32, values: vec4<T>) {
    store4(at, values);
}
