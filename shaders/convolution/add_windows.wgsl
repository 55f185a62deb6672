// y[n, c, at] = the sum of x over the windows that lie over a pixel, each with the element of it that does: x is
// (n, c, element, window), elements a pitch apart. STRIDED = 0 says that windows are neighbours: then the elements that lie
// over a pixel along an axis follow each other, and there is no division for each of them.

// The window whose element a distance from its corner lies there; far above all of them where there is none.
fn window(at: u32, away: u32, apart: u32) -> u32 {
    // Below zero is far above as an unsigned number.
    let rest = at - away;
    return select(rest / apart, 0xffffffffu, at < away || rest % apart != 0u);
}

// Elements from one on and before another.
struct Elements {
    begin: u32,
    end: u32,
}

// Those of neighbouring windows that lie over a pixel.
fn over(at: u32, length: u32, dilate: u32, count: u32) -> Elements {
    let begin = (max(at + 1u, count) - count + dilate - 1u) / dilate;
    return Elements(begin, min(at / dilate + 1u, length));
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
    let elements = p.source + channel * p.kernel0 * p.kernel1 * p.kernel2 * p.pitch;
    if (STRIDED == 0u) {
        let e0 = over(at0, p.kernel0, p.dilate0, p.count0);
        let e1 = over(at1, p.kernel1, p.dilate1, p.count1);
        let e2 = over(at2, p.kernel2, p.dilate2, p.count2);
        for (var t0 = e0.begin; t0 < e0.end; t0++) {
            let w0 = at0 - t0 * p.dilate0;
            for (var t1 = e1.begin; t1 < e1.end; t1++) {
                let w1 = at1 - t1 * p.dilate1;
                let line = (t0 * p.kernel1 + t1) * p.kernel2;
                let windows = (w0 * p.count1 + w1) * p.count2 + at2;
                var at = elements + windows + line * p.pitch + e2.begin * (p.pitch - p.dilate2);
                for (var t2 = e2.begin; t2 < e2.end; t2++) {
                    sum += read_x(at);
                    at += p.pitch - p.dilate2;
                }
            }
        }
    } else {
        var element = elements;
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
    }
    store(i, sum);
}
