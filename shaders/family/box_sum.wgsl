// y[i] = the sum of x over the neighbours of i along one axis, at most p.reach away on either side.

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
    let at = (i / p.inner) % p.length;
    let before = min(at, p.reach);
    let after = min(p.length - 1u - at, p.reach);
    let last = i + after * p.inner;
    var sum = T(0);
    for (var j = i - before * p.inner; j <= last; j += p.inner) {
        sum += load_x(j);
    }
    store(i, sum);
}
