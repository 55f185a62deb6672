// y[o, r] = (x[o, r] - mean) / sqrt(variance + eps) * gamma[r] + beta[r] with mean and variance over r; they are kept,
// the mean at o and one over the deviation at p.rows + o.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    // Distances from the first element: a mean far from zero costs no digits.
    let near = load_x(o, 0u);
    var sum = T(0);
    for (var r = lane; r < p.length; r += THREADS) {
        sum += load_x(o, r) - near;
    }
    let mean = near + together(thread, sum) / T(p.length);
    var squares = T(0);
    for (var r = lane; r < p.length; r += THREADS) {
        let d = load_x(o, r) - mean;
        squares += d * d;
    }
    let variance = together(thread, squares) / T(p.length);
    if (row >= p.rows) {
        return;
    }
    let scale = T(1) / sqrt(variance + T(p.eps));
    for (var r = lane; r < p.length; r += THREADS) {
        store_y(o * p.length + r, (load_x(o, r) - mean) * scale * load_gamma(r) + load_beta(r));
    }
    if (lane == 0u) {
        store_kept(o, mean);
        store_kept(p.rows + o, scale);
    }
}
