// y[o] = the first r at which x[o, r] is largest (LARGEST = 1) or smallest; NaN beats every number.

fn better(a: T, b: T) -> bool {
    return (a != a && b == b) || select((a < b), (a > b), LARGEST == 1u);
}

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
    var best = load_x(o, 0u);
    var at = 0u;
    for (var r = 1u; r < p.length; r++) {
        let v = load_x(o, r);
        if (best == best && better(v, best)) {
            best = v;
            at = r;
        }
    }
    put_y(o, i32(at));
}
