// One thread for four windows; p.n counts such fours.

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
    store4(4u * four, of_windows(pixels_of(at.x, at.z)));
}
