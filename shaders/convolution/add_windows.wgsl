// y[n, c, at] = the sum of x over the windows that lie over a pixel, each with the element of it that does: x is
// (n, c, element, window), elements a pitch apart. STRIDED = 0 says that windows are neighbours, which spares divisions.

// The window whose element a distance from its corner lies there; far above all of them where there is none.
fn window(at: u32, away: u32, apart: u32) -> u32 {
    // Below zero is far above as an unsigned number.
    let rest = at - away;
    if (STRIDED == 0u) {
        return rest;
    }
    return select(rest / apart, 0xffffffffu, at < away || rest % apart != 0u);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + thread;
    if (i >= p.n) {
        return;
    }
    let row = i / p.size2;
    let plane = row / p.size1;
    let channel = plane / p.size0;
    let at2 = i % p.size2 + p.pad2;
    let at1 = row % p.size1 + p.pad1;
    let at0 = plane % p.size0 + p.pad0;
    var sum = T(0);
    var element = p.source + channel * p.kernel0 * p.kernel1 * p.kernel2 * p.pitch;
    for (var t0 = 0u; t0 < p.kernel0; t0++) {
        let w0 = window(at0, t0 * p.dilate0, p.stride0);
        for (var t1 = 0u; t1 < p.kernel1; t1++) {
            let w1 = window(at1, t1 * p.dilate1, p.stride1);
            if (w0 < p.count0 && w1 < p.count1) {
                let line = element + (w0 * p.count1 + w1) * p.count2;
                for (var t2 = 0u; t2 < p.kernel2; t2++) {
                    let w2 = window(at2, t2 * p.dilate2, p.stride2);
                    if (w2 < p.count2) {
                        sum += read_x(line + t2 * p.pitch + w2);
                    }
                }
            }
            element += p.kernel2 * p.pitch;
        }
    }
    store(i, sum);
}
