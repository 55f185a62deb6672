// Neighbouring results, as many as there are.

fn put(at: u32, n: u32, values: vec4<T>) {
    for (var j = 0u; j < n; j++) {
        store(at + j, values[j]);
    }
}
