// share.wgsl for adapters with subgroups: where a whole workgroup shares a row, subgroups combine their values, and two
// barriers do instead of nine. How threads are put into subgroups is the driver's to say.

var<workgroup> shared_values: array<T, 256>;
var<workgroup> shared_pairs: array<vec2<T>, 256>;
var<private> subgroups: u32;
var<private> subgroup: u32;
var<private> place: u32;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(num_subgroups) subgroup_count: u32,
    @builtin(subgroup_id) subgroup_number: u32,
    @builtin(subgroup_invocation_id) subgroup_place: u32,
) {
    subgroups = subgroup_count;
    subgroup = subgroup_number;
    place = subgroup_place;
    run(group.y * groups.x + group.x, thread);
}

fn together(thread: u32, v: T) -> T {
    if (THREADS == 1u) {
        return v;
    }
    if (THREADS == 256u) {
        let part = subgroupAdd(v);
        if (place == 0u) {
            shared_values[subgroup] = part;
        }
        workgroupBarrier();
        var all = shared_values[0];
        for (var i = 1u; i < subgroups; i++) {
            all += shared_values[i];
        }
        workgroupBarrier();
        return all;
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
    if (THREADS == 256u) {
        let part = subgroupAdd(v);
        if (place == 0u) {
            shared_pairs[subgroup] = part;
        }
        workgroupBarrier();
        var all = shared_pairs[0];
        for (var i = 1u; i < subgroups; i++) {
            all += shared_pairs[i];
        }
        workgroupBarrier();
        return all;
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
    if (THREADS == 256u) {
        let part = subgroupMax(v);
        if (place == 0u) {
            shared_values[subgroup] = part;
        }
        workgroupBarrier();
        var all = shared_values[0];
        for (var i = 1u; i < subgroups; i++) {
            all = max(all, shared_values[i]);
        }
        workgroupBarrier();
        return all;
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
