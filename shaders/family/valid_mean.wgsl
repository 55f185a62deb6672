// y = sum over i of x[i] where label[i] >= 0, divided by the number of those labels (by 1 if there is none), and
// scale = 1 / that number. One workgroup takes them all, or one of many parts, left as (sum, number) for a second pass
// with PARTS = 2. PARTS = 0: one pass; 1: the first of two.

var<workgroup> shared_values: array<T, 256>;
var<workgroup> shared_counts: array<T, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let part = group.y * groups.x + group.x;
    let first = part * p.part;
    let last = min(first + p.part, p.n);
    var sum = T(0);
    var count = T(0);
    for (var i = first + thread; i < last; i += 256u) {
        if (PARTS == 2u) {
            sum += load_x(2u * i);
            count += load_x(2u * i + 1u);
        } else if (load_label(i) >= T(0)) {
            sum += load_x(i);
            count += T(1);
        }
    }
    shared_values[thread] = sum;
    shared_counts[thread] = count;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if (thread < half) {
            shared_values[thread] += shared_values[thread + half];
            shared_counts[thread] += shared_counts[thread + half];
        }
        workgroupBarrier();
    }
    if (thread != 0u || first >= p.n) {
        return;
    }
    if (PARTS == 1u) {
        store_y(2u * part, shared_values[0]);
        store_y(2u * part + 1u, shared_counts[0]);
    } else {
        let scale = T(1) / max(shared_counts[0], T(1));
        store_y(0u, shared_values[0] * scale);
        store_scale(0u, scale);
    }
}
