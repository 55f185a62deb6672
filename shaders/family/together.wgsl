// Sums over the THREADS threads that share a row, known to each of them. Every thread of the workgroup has to call.

var<workgroup> shared_values: array<T, 256>;
var<workgroup> shared_pairs: array<vec2<T>, 256>;

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
    let sum = shared_values[thread - lane];
    workgroupBarrier();
    return sum;
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
    let sum = shared_pairs[thread - lane];
    workgroupBarrier();
    return sum;
}
