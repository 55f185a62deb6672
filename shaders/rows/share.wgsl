// A kernel over rows, and what the THREADS threads that share a row say to each other: sums, pairs of sums and the largest
// of a value of each, known to all of them. Every thread of the workgroup has to call. Kernels define
// run(workgroup, thread).

var<workgroup> shared_values: array<T, 256>;
var<workgroup> shared_pairs: array<vec2<T>, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    run(group.y * groups.x + group.x, thread);
}

fn together(thread: u32, v: T) -> T {
    if (THREADS == 1u) {
        return v;
    }
    let lane = thread % THREADS;
    shared_values[thread] = v;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            shared_values[thread] += shared_values[thread + half];
        }
        workgroupBarrier();
    }
    let all = shared_values[thread - lane];
    workgroupBarrier();
    return all;
}

fn together_pair(thread: u32, v: vec2<T>) -> vec2<T> {
    if (THREADS == 1u) {
        return v;
    }
    let lane = thread % THREADS;
    shared_pairs[thread] = v;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            shared_pairs[thread] += shared_pairs[thread + half];
        }
        workgroupBarrier();
    }
    let all = shared_pairs[thread - lane];
    workgroupBarrier();
    return all;
}

fn together_max(thread: u32, v: T) -> T {
    if (THREADS == 1u) {
        return v;
    }
    let lane = thread % THREADS;
    shared_values[thread] = v;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            shared_values[thread] = max(shared_values[thread], shared_values[thread + half]);
        }
        workgroupBarrier();
    }
    let all = shared_values[thread - lane];
    workgroupBarrier();
    return all;
}
