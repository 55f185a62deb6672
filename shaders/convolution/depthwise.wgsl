// y[n, filter, window] = sum over a group's channels and a window's elements of w x, for groups of a channel or two: a thread
// takes four neighbouring windows of a line. SLIDING = 1 says that elements lie as far apart as windows do, so that all but
// one pixel of an element are those of the one before it; EDGES = 0 that all windows lie on the images, in whole fours.

// A pixel of a row, which may lie over the edge: below zero is far above as an unsigned number.
fn pixel(row: u32, at: u32, inside: bool) -> T {
    if (EDGES == 0u) {
        return read_x(row + at * p.s_2);
    }
    let on = inside && at < p.size2;
    return select(T(0), read_x(select(p.source, row + at * p.s_2, on)), on);
}

// The sum over a line of elements, of which the first has its weight at w.
fn line_of(row: u32, corner: u32, inside: bool, w: u32) -> vec4<T> {
    var sum = vec4<T>();
    var weight = w;
    var at = corner;
    if (SLIDING == 1u) {
        var v = vec4<T>(T(0), pixel(row, at, inside), pixel(row, at + 1u, inside), pixel(row, at + 2u, inside));
        for (var t = 0u; t < p.kernel2; t++) {
            v = vec4<T>(v.yzw, pixel(row, at + 3u, inside));
            sum += read_w(weight) * v;
            weight += p.w_tap;
            at += 1u;
        }
    } else {
        for (var t = 0u; t < p.kernel2; t++) {
            sum += read_w(weight) * vec4<T>(
                pixel(row, at, inside),
                pixel(row, at + p.stride2, inside),
                pixel(row, at + 2u * p.stride2, inside),
                pixel(row, at + 3u * p.stride2, inside),
            );
            weight += p.w_tap;
            at += p.dilate2;
        }
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + thread;
    if (i >= p.threads) {
        return;
    }
    let line = i / p.segments;
    let first = i % p.segments * 4u;
    let plane = line / p.count1;
    let result = plane / p.count0;
    let f = result % p.results;
    let own_group = f / p.filters;
    let corner0 = (plane % p.count0) * p.stride0 - p.pad0;
    let corner1 = (line % p.count1) * p.stride1 - p.pad1;
    let corner2 = first * p.stride2 - p.pad2;
    let image = p.source + (result / p.results) * p.s_image + own_group * p.channels * p.s_channel;
    let weights = p.w_source + own_group * p.w_group + (f % p.filters) * p.w_filter;
    var sum = vec4<T>();
    for (var c = 0u; c < p.channels; c++) {
        var w = weights + c * p.w_channel;
        for (var t0 = 0u; t0 < p.kernel0; t0++) {
            let at0 = corner0 + t0 * p.dilate0;
            for (var t1 = 0u; t1 < p.kernel1; t1++) {
                let at1 = corner1 + t1 * p.dilate1;
                let row = image + c * p.s_channel + at0 * p.s_0 + at1 * p.s_1;
                sum += line_of(row, corner2, at0 < p.size0 && at1 < p.size1, w);
                w += p.kernel2 * p.w_tap;
            }
        }
    }
    put(line * p.count2 + first, min(4u, p.count2 - first), sum);
}
