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
    // By four as far as a row is one thread's.
    let begin = select(0u, p.length / 4u * 4u, THREADS == 1u);
    var sums4 = vec4<T>();
    var dots4 = vec4<T>();
    for (var r = 0u; r < begin; r += 4u) {
        let g = load4_gy(o, r) * load4_gamma(0u, r);
        sums4 += g;
        dots4 += g * (load4_x(o, r) - vec4<T>(mean));
    }
    var sums = vec2<T>((sums4.x + sums4.y) + (sums4.z + sums4.w), (dots4.x + dots4.y) + (dots4.z + dots4.w));
    for (var r = begin + lane; r < p.length; r += THREADS) {
        let g = load_gy(o, r) * load_gamma(0u, r);
        sums += vec2<T>(g, g * (load_x(o, r) - mean));
    }
    sums = together_pair(thread, sums);
    if (row >= p.rows) {
        return;
    }
    sums = vec2<T>(sums.x, sums.y * scale) / T(p.length);
    for (var r = 0u; r < begin; r += 4u) {
        let g = load4_gy(o, r) * load4_gamma(0u, r);
        let h = (load4_x(o, r) - vec4<T>(mean)) * scale;
        let y = scale * (g - vec4<T>(sums.x) - h * sums.y);
        store_y(o * p.length + r, y.x);
        store_y(o * p.length + r + 1u, y.y);
        store_y(o * p.length + r + 2u, y.z);
        store_y(o * p.length + r + 3u, y.w);
    }
    for (var r = begin + lane; r < p.length; r += THREADS) {
        let g = load_gy(o, r) * load_gamma(0u, r);
        let h = (load_x(o, r) - mean) * scale;
        store_y(o * p.length + r, scale * (g - sums.x - h * sums.y));
    }
}
