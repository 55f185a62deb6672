// loss[o] = log(sum over r of exp(x[o, r])) - x[o, t[o]], 0 where t[o] is p.ignore; sum[o] is that logarithm, and
// label[o] is t[o], or -1 where it is ignored.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. The largest value is subtracted first.

var<workgroup> shared_values: array<T, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % THREADS;
    let row = (group.y * groups.x + group.x) * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let o = min(row, p.rows - 1u);
    var largest = load_x(o, min(lane, p.length - 1u));
    for (var r = lane + THREADS; r < p.length; r += THREADS) {
        largest = max(largest, load_x(o, r));
    }
    shared_values[thread] = largest;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            shared_values[thread] = max(shared_values[thread], shared_values[thread + half]);
        }
        workgroupBarrier();
    }
    largest = shared_values[thread - lane];
    workgroupBarrier();
    var sum = T(0);
    for (var r = lane; r < p.length; r += THREADS) {
        sum += exp(load_x(o, r) - largest);
    }
    shared_values[thread] = sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            shared_values[thread] += shared_values[thread + half];
        }
        workgroupBarrier();
    }
    if (lane != 0u || row >= p.rows) {
        return;
    }
    let log_sum = largest + log(shared_values[thread]);
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
