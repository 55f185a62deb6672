// y[o, i] = x[o, id[o, i]] and at[o, i] = id[o, i], for i below p.columns.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if (e >= p.n) {
        return;
    }
    let o = e / p.columns;
    let id = get_id(o * p.padded + e % p.columns);
    put_at(e, id);
    store_y(e, load_x(o, u32(id)));
}
