// Mean and variance over r of x[o, r], or of one of `parts` parts of each row: o = row % p.rows of part row / p.rows.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Elements are read twice: no square of a mean is
// taken off but that of what the mean was rounded by. Sums are of distances from the first element, so that a mean far from
// zero costs no digits. PARTS = 1: what is left is the mean, and the sums of squared distances from it and of distances, for
// moments_finish.wgsl.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let wanted = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let row = min(wanted, p.rows * p.parts - 1u);
    let o = row % p.rows;
    let first = (row / p.rows) * p.part;
    let last = min(first + p.part, p.length);
    let count = T(last - first);
    let near = load_x(o, first);
    // By four as far as a row is one thread's.
    let begin = select(first, last - (last - first) % 4u, THREADS == 1u && first % 4u == 0u);
    var sum4 = vec4<T>();
    for (var r = first; r < begin; r += 4u) {
        sum4 += load4_x(o, r) - vec4<T>(near);
    }
    var sum = (sum4.x + sum4.y) + (sum4.z + sum4.w);
    for (var r = begin + lane; r < last; r += THREADS) {
        sum += load_x(o, r) - near;
    }
    let mean = near + together(thread, sum) / count;
    var squares4 = vec4<T>();
    var off4 = vec4<T>();
    for (var r = first; r < begin; r += 4u) {
        let d = load4_x(o, r) - vec4<T>(mean);
        squares4 += d * d;
        off4 += d;
    }
    var sums = vec2<T>((squares4.x + squares4.y) + (squares4.z + squares4.w), (off4.x + off4.y) + (off4.z + off4.w));
    for (var r = begin + lane; r < last; r += THREADS) {
        let d = load_x(o, r) - mean;
        sums += vec2<T>(d * d, d);
    }
    sums = together_pair(thread, sums);
    if (lane != 0u || wanted >= p.rows * p.parts) {
        return;
    }
    if (PARTS == 0u) {
        store_moments(o, mean, corrected(sums.x, sums.y, count) / count);
    } else {
        store_y(row, mean);
        store_y(p.rows * p.parts + row, sums.x);
        store_y(2u * p.rows * p.parts + row, sums.y);
    }
}
