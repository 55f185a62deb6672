// Mean and variance over r of x[r, o], or of one of `parts` parts of each column o; a thread takes four neighbouring columns
// of a part.
//
// Elements are read twice, as in moments.wgsl, and what is left for PARTS = 1 lies as there.

fn run(workgroup: u32, thread: u32) {
    let fours = (p.kept + 3u) / 4u;
    let id = workgroup * 256u + thread;
    if (id >= fours * p.parts) {
        return;
    }
    let o = id % fours * 4u;
    let part = id / fours;
    let first = part * p.part;
    let last = min(first + p.part, p.length);
    let count = T(last - first);
    let near = columns(first, o);
    var sum = vec4<T>();
    for (var r = first; r < last; r++) {
        sum += columns(r, o) - near;
    }
    let mean = near + sum / count;
    var squares = vec4<T>();
    var off = vec4<T>();
    for (var r = first; r < last; r++) {
        let d = columns(r, o) - mean;
        squares += d * d;
        off += d;
    }
    for (var k = 0u; k < min(4u, p.kept - o); k++) {
        if (PARTS == 0u) {
            store_moments(o + k, mean[k], corrected(squares[k], off[k], count) / count);
        } else {
            let row = part * p.kept + o + k;
            store_y(row, mean[k]);
            store_y(p.kept * p.parts + row, squares[k]);
            store_y(2u * p.kept * p.parts + row, off[k]);
        }
    }
}

// Four neighbours of row r, or what there is of them and zeros.
fn columns(r: u32, o: u32) -> vec4<T> {
    if (o + 4u <= p.kept) {
        return load4_x(r, o);
    }
    var x = vec4<T>();
    for (var k = 0u; o + k < p.kept; k++) {
        x[k] = load_x(r, o + k);
    }
    return x;
}
