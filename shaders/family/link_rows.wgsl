// Chains the places of each id: links[i] is twice the next place after i that has the id of i, or p.n where there is none,
// and one more where i is the first that has it. Zero where the id is p.ignore (IGNORES = 1) or names no row.

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
    let id = get_id(i);
    let ignored = IGNORES == 1u && id == bitcast<i32>(p.ignore);
    if (ignored || id < 0 || id >= i32(p.rows)) {
        if (!ignored) {
            fault(bitcast<u32>(id), p.before + i, 0u, p.rows);
        }
        put_links(i, 0);
        return;
    }
    var link = 1u;
    for (var j = 0u; j < i; j++) {
        if (get_id(j) == id) {
            link = 0u;
            break;
        }
    }
    var next = i + 1u;
    while (next < p.n && get_id(next) != id) {
        next++;
    }
    put_links(i, i32(2u * next + link));
}
