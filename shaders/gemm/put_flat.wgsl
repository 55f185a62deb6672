// Results of a product with a vector go through the operators that follow it.

fn put(z: u32, part: u32, row: u32, column: u32, value: T) {
    store(z * p.m + row, value);
}
