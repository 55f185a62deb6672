// As box_sum.wgsl, a thread for four neighbours on a line; p.inner counts the fours of a line.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let four = (group.y * groups.x + group.x) * 256u + thread;
    if (four >= p.n) {
        return;
    }
    let line = four / p.inner;
    let at = line % p.length;
    let r = 4u * (four - line * p.inner);
    let last = line + min(p.length - 1u - at, p.reach);
    var sum = vec4<T>();
    for (var o = line - min(at, p.reach); o <= last; o++) {
        sum += load4_x(o, r);
    }
    store4(4u * four, sum);
}
