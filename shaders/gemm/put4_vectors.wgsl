// Four neighbouring results of a row, which is a multiple of four long, by one vector.

fn put4(z: u32, part: u32, row: u32, column: u32, values: vec4<T>) {
    if (row < p.m && column < p.n) {
        store4(z * p.m + row, column, values);
    }
}
