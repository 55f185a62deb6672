// The pixel that each cell of a region names; zero where it names none.

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
    let cells = p.out_w * p.out_h;
    let plane = u32(get_image(i / (cells * p.channels))) * p.channels + (i / cells) % p.channels;
    let at = get_at(i);
    var v = T(0);
    if (at >= 0) {
        v = load_x(plane, u32(at));
    }
    store_y(i, v);
}
