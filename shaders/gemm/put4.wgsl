// Four neighbouring results of a row, those of them that there are.

fn put4(z: u32, part: u32, row: u32, column: u32, values: vec4<T>) {
    if (row >= p.m) {
        return;
    }
    if (column < p.n) {
        put(z, part, row, column, values.x);
    }
    if (column + 1u < p.n) {
        put(z, part, row, column + 1u, values.y);
    }
    if (column + 2u < p.n) {
        put(z, part, row, column + 2u, values.z);
    }
    if (column + 3u < p.n) {
        put(z, part, row, column + 3u, values.w);
    }
}
