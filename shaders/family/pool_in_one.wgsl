// One thread for each pixel of an image.

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
    let at = pixel(i, image());
    let c = vec3<i32>(at.xyz) + padding();
    store(i, share_apart(at.w, window_over(c), c));
}
