// Images whose sizes are multiples of four take four neighbouring results at once; there is one phase.

fn put4(z: u32, part: u32, row: u32, column: u32, values: vec4<T>) {
    if (row < p.m && column < p.n) {
        store4((column / p.columns) * p.outputs + z * p.m + row, column % p.columns, values);
    }
}
