// The largest pixels of four windows a thread, and their places; p.n counts such fours.

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
    let found = largest(pixels_of(at.x, at.z));
    store4_y(4u * four, found.value);
    put4_index(4u * four, found.place);
}
