// An element of the filters goes through the operators that follow.

fn put(z: u32, part: u32, row: u32, at: u32, value: T) {
    store(at, value);
}
