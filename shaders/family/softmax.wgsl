// y[o, r] = exp(x[o, r]) / sum over r of exp(x[o, r]), or its logarithm (LOG = 1).
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
    sum = shared_values[thread - lane];
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
