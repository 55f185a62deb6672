// y[c, element, window] = what lies under an element of a window of all images, zero over the edges: a thread for a
// line of windows, so that there is no division for each of them.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let line = (group.y * groups.x + group.x) * 64u + thread;
    if (line >= p.lines) {
        return;
    }
    let plane = line / p.count1;
    let pair = plane / p.count0;
    let row = pair / p.images;
    let image = pair % p.images;
    let taps = p.kernel0 * p.kernel1 * p.kernel2;
    let element = row % taps;
    // Below zero is far above as an unsigned number.
    let at0 = (plane % p.count0) * p.stride0 + (element / p.kernel2 / p.kernel1) * p.dilate0 - p.pad0;
    let at1 = (line % p.count1) * p.stride1 + (element / p.kernel2 % p.kernel1) * p.dilate1 - p.pad1;
    let inside = at0 < p.size0 && at1 < p.size1;
    let base = p.source + image * p.s_image + (row / taps) * p.s_channel + at0 * p.s_0 + at1 * p.s_1;
    var at2 = (element % p.kernel2) * p.dilate2 - p.pad2;
    var to = line * p.count2;
    for (var i = 0u; i < p.count2; i++) {
        var value = T(0);
        if (inside && at2 < p.size2) {
            value = read_x(base + at2 * p.s_2);
        }
        store(to, value);
        at2 += p.stride2;
        to += 1u;
    }
}
