// One thread for each pixel of an image: it gathers from the windows that cover it.

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
    let k = ksize();
    let s = stride();
    // The last that begin before it, if there are so many; those before them, as far as they reach.
    let last = min(window_over(c), pooled_image() - 1);
    var sum = T(0);
    for (var z = last.x; z >= 0 && c.x - z * s.x < k.x; z--) {
        for (var y = last.y; y >= 0 && c.y - y * s.y < k.y; y--) {
            for (var x = last.z; x >= 0 && c.z - x * s.z < k.z; x--) {
                sum += share(at.w, vec3<i32>(z, y, x), c);
            }
        }
    }
    store(i, sum);
}
