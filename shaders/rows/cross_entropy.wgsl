// loss[o] = log(sum over r of exp(x[o, r])) - x[o, t[o]], 0 where t[o] is p.ignore; sum[o] is that logarithm, and
// label[o] is t[o], or -1 where it is ignored.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. The largest value is subtracted first. Rows are
// read once; a thread that shares its row with nobody reads it twice, the second time from its cache.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let row = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    let found = largest_and_sum(o, lane, thread);
    let largest = found.x;
    let sum = found.y;
    if (lane != 0u || row >= p.rows) {
        return;
    }
    let log_sum = largest + log(sum);
    let t = get_target(o);
    var loss = T(0);
    if (t != bitcast<i32>(p.ignore)) {
        if (t < 0 || t >= i32(p.length)) {
            fault(bitcast<u32>(t), o, 0u, p.length);
        }
        loss = log_sum - load_x(o, u32(clamp(t, 0, i32(p.length) - 1)));
    }
    store_loss(o, loss);
    store_sum(o, log_sum);
    store_label(o, select(T(t), T(-1), t == bitcast<i32>(p.ignore)));
}
