// y[o, r] = exp(x[o, r]) / sum over r of exp(x[o, r]), or its logarithm (LOG = 1).
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. The largest value is subtracted first. Rows are
// read twice and written once; a thread that shares its row with nobody reads it three times, from its cache after the
// first.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    let found = largest_and_sum(o, lane, thread);
    let largest = found.x;
    let sum = found.y;
    if (row >= p.rows) {
        return;
    }
    let log_sum = log(sum);
    let scale = T(1) / sum;
    var first = 0u;
    if (THREADS == 1u) {
        for (; first + 3u < p.length; first += 4u) {
            let y = value4(load4_x(o, first), largest, log_sum, scale);
            store_out(o, first, y.x);
            store_out(o, first + 1u, y.y);
            store_out(o, first + 2u, y.z);
            store_out(o, first + 3u, y.w);
        }
    }
    for (var r = first + lane; r < p.length; r += THREADS) {
        store_out(o, r, value4(vec4<T>(load_x(o, r)), largest, log_sum, scale).x);
    }
}

fn value4(x: vec4<T>, largest: T, log_sum: T, scale: T) -> vec4<T> {
    if (LOG == 1u) {
        // In this order: the sum of both is as coarse as the largest value.
        return x - vec4<T>(largest) - vec4<T>(log_sum);
    }
    return exp(x - vec4<T>(largest)) * scale;
}
