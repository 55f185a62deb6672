// y[o] = the first r at which x[o, r] is largest (LARGEST = 1) or smallest; NaN beats every number.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Elements are read
// once, and nothing but the positions is written.

var<workgroup> shared_values: array<T, 256>;
var<workgroup> shared_at: array<u32, 256>;

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
    var at = min(lane, p.length - 1u);
    var best = load_x(o, at);
    for (var r = lane + THREADS; r < p.length; r += THREADS) {
        let v = load_x(o, r);
        if (better(v, r, best, at)) {
            best = v;
            at = r;
        }
    }
    shared_values[thread] = best;
    shared_at[thread] = at;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            let v = shared_values[thread + half];
            let r = shared_at[thread + half];
            if (better(v, r, best, at)) {
                best = v;
                at = r;
            }
            shared_values[thread] = best;
            shared_at[thread] = at;
        }
        workgroupBarrier();
    }
    if (lane == 0u && row < p.rows) {
        put_y(o, i32(at));
    }
}
