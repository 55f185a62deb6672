// y[id[i] - p.first, c] += x[i, c] for the ids in p.first .. p.first + p.seen, in the order of i.
//
// A thread for each element of x: that of an id's first place adds up those of the others, which links chain. Nothing is
// written by two threads, so sums need no atomics and come out the same every time.

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
    var i = e / p.width;
    let c = e % p.width;
    if ((get_links(i) & 1) == 0) {
        return;
    }
    let v = u32(get_id(i)) - p.first;
    if (u32(get_id(i)) < p.first || v >= p.seen) {
        return;
    }
    let at = v * p.width + c;
    var sum = read_y(at);
    while (i < p.count) {
        sum += load_x(i, c);
        i = u32(get_links(i)) >> 1u;
    }
    write_y(at, sum);
}
