// y[i, c] = x[id[i], c]; zero where id[i] is p.ignore (IGNORES = 1).

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 256u + thread;
    if (i >= p.n) {
        return;
    }
    let row = i / p.width;
    let id = get_id(row);
    if (IGNORES == 1u && id == bitcast<i32>(p.ignore)) {
        store_y(i, T(0));
        return;
    }
    if (id < 0 || id >= i32(p.rows)) {
        fault(bitcast<u32>(id), row, 0u, p.rows);
    }
    store_y(i, load_x(u32(clamp(id, 0, i32(p.rows) - 1)), i % p.width));
}
