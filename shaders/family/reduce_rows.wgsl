// y[o] = combine over r of x[o, r]: one workgroup for a row, or for one of `parts` parts of it.

var<workgroup> shared_values: array<T, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = group.y * groups.x + group.x;
    if (row >= p.rows) {
        return;
    }
    let o = row / p.parts;
    let first = (row % p.parts) * p.part;
    let last = min(first + p.part, p.length);
    // Every thread that has an element starts from one, so that no neutral value is needed.
    let count = last - min(first, last);
    var sum = T(0);
    if (thread < count) {
        sum = load_x(o, first + thread);
        for (var r = first + thread + 256u; r < last; r += 256u) {
            sum = combine(sum, load_x(o, r));
        }
    }
    shared_values[thread] = sum;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if (thread < half && thread + half < count) {
            shared_values[thread] = combine(shared_values[thread], shared_values[thread + half]);
        }
        workgroupBarrier();
    }
    if (thread == 0u) {
        // The product of nothing is one; every other empty reduction that is allowed is zero.
        store(row, select(shared_values[0], select(T(0), T(1), REDUCTION == 1u), count == 0u));
    }
}
