// Results of one part of the sums go to a buffer of parts, to be added up.

fn put(z: u32, part: u32, row: u32, column: u32, value: T) {
    store_part(((part * p.batches + z) * p.m + row) * p.n + column, value);
}
