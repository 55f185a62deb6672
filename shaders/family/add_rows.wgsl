// y[v, c] = y[v, c] + sum over i with id[i] = v of x[i, c], in the order of i.
//
// Nothing is written by two threads, so sums need no atomics and come out the same every time. With BY_ID = 1 there is a
// thread for each element of x, and that of an id's first occurrence adds up the others; else there is a thread for each
// element of y. FIRST = 1: y counts as zero, and every element of it is written if BY_ID = 0. Ids come in parts, of which
// this is the one at p.before, for loops that are not too long.

fn counts(id: i32, position: u32, noted: bool) -> bool {
    if (IGNORES == 1u && id == bitcast<i32>(p.ignore)) {
        return false;
    }
    if (id < 0 || id >= i32(p.rows)) {
        if (noted) {
            fault(bitcast<u32>(id), p.before + position, 0u, p.rows);
        }
        return false;
    }
    return true;
}

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
    let c = e % p.width;
    var v = i32(e / p.width);
    var first = 0u;
    if (BY_ID == 1u) {
        first = e / p.width;
        v = get_id(p.before + first);
        if (!counts(v, first, c == 0u)) {
            return;
        }
        for (var i = 0u; i < first; i++) {
            if (get_id(p.before + i) == v) {
                return;
            }
        }
    }
    let at = u32(v) * p.width + c;
    var sum = T(0);
    if (FIRST == 0u) {
        sum = read_y(at);
    }
    for (var i = first; i < p.count; i++) {
        let id = get_id(p.before + i);
        if (id == v && counts(id, i, false)) {
            sum += load_x(p.before + i, c);
        }
        if (BY_ID == 0u && e == 0u) {
            let noted = counts(id, i, true);
        }
    }
    write_y(at, sum);
}
