// One thread for the pixels under four windows; p.n counts such fours.

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
    let at = halves(4u * four);
    let v = of_pixels(at.x, at.y, 4u * four);
    let first = at.x * (p.in0 * p.in1 * p.in2) + at.z;
    store4(first, vec4<T>(v.p0.x, v.p1.x, v.p0.y, v.p1.y));
    store4(first + 4u, vec4<T>(v.p0.z, v.p1.z, v.p0.w, v.p1.w));
    store4(first + p.in2, vec4<T>(v.p2.x, v.p3.x, v.p2.y, v.p3.y));
    store4(first + p.in2 + 4u, vec4<T>(v.p2.z, v.p3.z, v.p2.w, v.p3.w));
}
