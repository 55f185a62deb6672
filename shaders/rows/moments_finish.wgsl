// Mean and variance of p.kept rows from what moments.wgsl left of their p.parts parts: part j of row o is at j * p.kept + o,
// its sums p.parts * p.kept and twice that further on, and it holds
// p.part elements, or at the end of the row what is left of p.length; p.lead parts in a row are at the same place of it.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup.

fn elements(j: u32) -> T {
    let first = (j / p.lead) * p.part;
    return T(min(first + p.part, p.length) - first);
}

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    let o = min(row, p.kept - 1u);
    let count = T(p.lead * p.length);
    let near = load_x(o);
    var sum = T(0);
    for (var j = lane; j < p.parts; j += THREADS) {
        sum += elements(j) * (load_x(j * p.kept + o) - near) + load_x((2u * p.parts + j) * p.kept + o);
    }
    let mean = near + together(thread, sum) / count;
    var sums = vec2<T>();
    for (var j = lane; j < p.parts; j += THREADS) {
        let d = load_x(j * p.kept + o) - mean;
        let off = load_x((2u * p.parts + j) * p.kept + o);
        let squares = load_x((p.parts + j) * p.kept + o);
        sums += vec2<T>(squares + (T(2) * off + elements(j) * d) * d, off + elements(j) * d);
    }
    sums = together_pair(thread, sums);
    if (lane == 0u && row < p.kept) {
        store_moments(o, mean, corrected(sums.x, sums.y, count) / count);
    }
}
