// One thread for four neighbours on a line of an image, whose length is a multiple of four; p.n counts such fours.

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
    let at = pixel(4u * four, image());
    var c = vec3<i32>(at.xyz) + padding();
    var o = window_over(c);
    let s = stride().z;
    var v: vec4<T>;
    v.x = share_apart(at.w, o, c);
    c.z += 1;
    o.z += select(0, 1, c.z - o.z * s == s);
    v.y = share_apart(at.w, o, c);
    c.z += 1;
    o.z += select(0, 1, c.z - o.z * s == s);
    v.z = share_apart(at.w, o, c);
    c.z += 1;
    o.z += select(0, 1, c.z - o.z * s == s);
    v.w = share_apart(at.w, o, c);
    store4(4u * four, v);
}
