// y[i, c] = x[id[i], c]; zero where id[i] is p.ignore (IGNORES = 1) or names no row.
//
// Of a table that one binding does not show, x is the part of p.seen rows from p.first on.

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
    let ignored = IGNORES == 1u && id == bitcast<i32>(p.ignore);
    if (ignored || id < 0 || id >= i32(p.rows)) {
        if (p.first == 0u) {
            store_y(i, T(0));
            if (!ignored) {
                fault(bitcast<u32>(id), row, 0u, p.rows);
            }
        }
        return;
    }
    let at = u32(id) - p.first;
    if (u32(id) >= p.first && at < p.seen) {
        store_y(i, load_x(at, i % p.width));
    }
}
