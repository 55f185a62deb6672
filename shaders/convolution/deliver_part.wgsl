// Results of one part of the sums go to a buffer of parts, to be added up.

fn deliver(part: u32, o: u32, r: u32, value: T) {
    store_part((part * p.images * p.outputs + o) * p.columns + r, value);
}
