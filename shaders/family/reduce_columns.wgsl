// y[o] = combine over r of x[o, r]: one thread for each o, for short rows and for rows whose elements lie apart.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = (group.y * groups.x + group.x) * 256u + thread;
    if (o >= p.n) {
        return;
    }
    if (p.length == 0u) {
        store(o, select(T(0), T(1), REDUCTION == 1u));
        return;
    }
    var sum = load_x(o, 0u);
    var r = 1u;
    if (p.length >= 8u) {
        var four = load4_x(o, 0u);
        for (r = 4u; r + 3u < p.length; r += 4u) {
            let v = load4_x(o, r);
            four = vec4<T>(combine(four.x, v.x), combine(four.y, v.y), combine(four.z, v.z), combine(four.w, v.w));
        }
        sum = combine(combine(four.x, four.y), combine(four.z, four.w));
    }
    for (; r < p.length; r++) {
        sum = combine(sum, load_x(o, r));
    }
    store(o, sum);
}
