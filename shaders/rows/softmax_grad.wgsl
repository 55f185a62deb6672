// out[o, r] = y[o, r] * (gy[o, r] - sum over r of y[o, r] * gy[o, r]), the gradient of softmax from its result, or that of
// its logarithm (LOG = 1): gy[o, r] - exp(y[o, r]) * sum over r of gy[o, r].
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Rows of y and gy are read twice, of the logarithm y
// once, and out is written once.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    // By four as far as a row is one thread's.
    let begin = select(0u, p.length / 4u * 4u, THREADS == 1u);
    var sum4 = vec4<T>();
    for (var r = 0u; r < begin; r += 4u) {
        if (LOG == 1u) {
            sum4 += load4_gy(o, r);
        } else {
            sum4 += load4_y(o, r) * load4_gy(o, r);
        }
    }
    var sum = (sum4.x + sum4.y) + (sum4.z + sum4.w);
    for (var r = begin + lane; r < p.length; r += THREADS) {
        if (LOG == 1u) {
            sum += load_gy(o, r);
        } else {
            sum += load_y(o, r) * load_gy(o, r);
        }
    }
    sum = together(thread, sum);
    if (row >= p.rows) {
        return;
    }
    for (var r = 0u; r < begin; r += 4u) {
        let gx = value4(load4_y(o, r), load4_gy(o, r), sum);
        store_out(o, r, gx.x);
        store_out(o, r + 1u, gx.y);
        store_out(o, r + 2u, gx.z);
        store_out(o, r + 3u, gx.w);
    }
    for (var r = begin + lane; r < p.length; r += THREADS) {
        store_out(o, r, value4(vec4<T>(load_y(o, r)), vec4<T>(load_gy(o, r)), sum).x);
    }
}

fn value4(y: vec4<T>, gy: vec4<T>, sum: T) -> vec4<T> {
    if (LOG == 1u) {
        return gy - exp(y) * sum;
    }
    return y * (gy - vec4<T>(sum));
}
