// One thread for each pixel of an image: it gathers from the windows that cover it, from `first` to `last`.

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
    let first = select(vec3<i32>(0), (c - k) / s + 1, c >= k);
    let last = min(c / s, pooled_image() - 1);
    var sum = T(0);
    for (var z = first.x; z <= last.x; z++) {
        for (var y = first.y; y <= last.y; y++) {
            for (var x = first.z; x <= last.z; x++) {
                sum += share(at.w, vec3<i32>(z, y, x), c);
            }
        }
    }
    store(i, sum);
}
