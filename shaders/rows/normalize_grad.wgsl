// y[o, r] = scale * (g - (sum over r of g + h * sum over r of g * h) / length), where g = gy[o, r] * gamma[r] and
// h = (x[o, r] - mean) * scale; kept holds the means, then the scales.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Rows of x and gy
// are read twice (for the sums and the result), gamma twice for each row, and rows of y written once.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    let mean = load_kept(o);
    let scale = load_kept(p.rows + o);
    var sums = vec2<T>();
    for (var r = lane; r < p.length; r += THREADS) {
        let g = load_gy(o, r) * load_gamma(r);
        sums += vec2<T>(g, g * (load_x(o, r) - mean) * scale);
    }
    sums = together_pair(thread, sums);
    if (row >= p.rows) {
        return;
    }
    sums /= T(p.length);
    for (var r = lane; r < p.length; r += THREADS) {
        let g = load_gy(o, r) * load_gamma(r);
        let h = (load_x(o, r) - mean) * scale;
        store_y(o * p.length + r, scale * (g - sums.x - h * sums.y));
    }
}
