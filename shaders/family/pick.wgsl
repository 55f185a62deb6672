// y[o] = x[o, id[o]].

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
    let id = get_id(o);
    if (id < 0 || id >= i32(p.columns)) {
        fault(bitcast<u32>(id), o, 0u, p.columns);
    }
    store_y(o, load_x(o, u32(clamp(id, 0, i32(p.columns) - 1))));
}
