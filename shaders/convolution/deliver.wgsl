// Results go through the operators that follow.

fn deliver(part: u32, o: u32, r: u32, value: T) {
    store(o, r, value);
}
