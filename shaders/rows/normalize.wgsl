// y[o, r] = (x[o, r] - mean) / sqrt(variance + eps) * gamma[r] + beta[r] with mean and variance over r; they are kept,
// the mean at o and one over the deviation at p.rows + o.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Rows of x are
// read three times (for the mean, the variance and the result), gamma and beta once for each row; y is written once.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    // Distances from the first element: a mean far from zero costs no digits.
    let near = load_x(o, 0u);
    // By four as far as a row is one thread's.
    let begin = select(0u, p.length / 4u * 4u, THREADS == 1u);
    var sum4 = vec4<T>();
    for (var r = 0u; r < begin; r += 4u) {
        sum4 += load4_x(o, r) - vec4<T>(near);
    }
    var sum = (sum4.x + sum4.y) + (sum4.z + sum4.w);
    for (var r = begin + lane; r < p.length; r += THREADS) {
        sum += load_x(o, r) - near;
    }
    let mean = near + together(thread, sum) / T(p.length);
    var squares4 = vec4<T>();
    for (var r = 0u; r < begin; r += 4u) {
        let d = load4_x(o, r) - vec4<T>(mean);
        squares4 += d * d;
    }
    var squares = (squares4.x + squares4.y) + (squares4.z + squares4.w);
    for (var r = begin + lane; r < p.length; r += THREADS) {
        let d = load_x(o, r) - mean;
        squares += d * d;
    }
    let variance = together(thread, squares) / T(p.length);
    if (row >= p.rows) {
        return;
    }
    let scale = T(1) / sqrt(variance + T(p.eps));
    for (var r = 0u; r < begin; r += 4u) {
        let y = (load4_x(o, r) - vec4<T>(mean)) * scale * load4_gamma(0u, r) + load4_beta(0u, r);
        store_y(o * p.length + r, y.x);
        store_y(o * p.length + r + 1u, y.y);
        store_y(o * p.length + r + 2u, y.z);
        store_y(o * p.length + r + 3u, y.w);
    }
    for (var r = begin + lane; r < p.length; r += THREADS) {
        store_y(o * p.length + r, (load_x(o, r) - mean) * scale * load_gamma(0u, r) + load_beta(0u, r));
    }
    if (lane == 0u) {
        store_kept(o, mean);
        store_kept(p.rows + o, scale);
    }
}
