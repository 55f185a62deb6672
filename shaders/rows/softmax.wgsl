// y[o, r] = exp(x[o, r]) / sum over r of exp(x[o, r]), or its logarithm (LOG = 1).
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. The largest value is subtracted first. Rows are
// read twice and written once.

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
    for (var r = lane; r < p.length; r += THREADS) {
        let x = load_x(o, r);
        if (LOG == 1u) {
            // In this order: the sum of both is as coarse as the largest value.
            store_y(o, r, x - largest - log_sum);
        } else {
            store_y(o, r, exp(x - largest) * scale);
        }
    }
}
