// As lay_windows.wgsl where the pitch is a multiple of four: a thread lays out some fours of windows of one image under one
// element, each by one store. It steps from window to window without division, and loads without asking: a branch costs a
// software adapter more than a load that nobody needs. EDGES = 0 says that all windows lie on the images.

// The pixel under the element, along each axis and in memory; below zero is far above as an unsigned number.
struct Pixel {
    c0: u32,
    c1: u32,
    c2: u32,
    at: u32,
}

// The pixels under the first and the last windows along an axis.
struct Ends {
    first1: u32,
    first2: u32,
    last1: u32,
    last2: u32,
}

// From a window to the next one in memory, which is the next along the last axis, or the first of the next row or plane.
struct Steps {
    plane: u32,
    row: u32,
    one: u32,
}

fn following(x: Pixel, e: Ends, s: Steps) -> Pixel {
    let over2 = x.c2 == e.last2;
    let over1 = over2 && x.c1 == e.last1;
    return Pixel(
        select(x.c0, x.c0 + p.stride0, over1),
        select(select(x.c1, x.c1 + p.stride1, over2), e.first1, over1),
        select(x.c2 + p.stride2, e.first2, over2),
        x.at + select(select(s.one, s.row, over2), s.plane, over1),
    );
}

// What lies under a window; zero over the edges and for what follows the last window.
fn under(window: u32, x: Pixel) -> T {
    let on = EDGES == 0u || (x.c0 < p.size0 && x.c1 < p.size1 && x.c2 < p.size2);
    let inside = window < p.area && on;
    return select(T(0), read_x(select(p.source, x.at, inside)), inside);
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 8u + thread;
    if (i >= p.threads) {
        return;
    }
    let pair = i / p.segments;
    let first = i % p.segments * p.span;
    let row = pair / p.images;
    let taps = p.kernel0 * p.kernel1 * p.kernel2;
    let element = row % taps;
    let away0 = (element / p.kernel2 / p.kernel1) * p.dilate0 - p.pad0;
    let away1 = (element / p.kernel2 % p.kernel1) * p.dilate1 - p.pad1;
    let away2 = (element % p.kernel2) * p.dilate2 - p.pad2;
    let across1 = (p.count1 - 1u) * p.stride1;
    let across2 = (p.count2 - 1u) * p.stride2;
    let e = Ends(away1, away2, away1 + across1, away2 + across2);
    let next_row = p.stride1 * p.s_1 - across2 * p.s_2;
    let s = Steps(p.stride0 * p.s_0 - across1 * p.s_1 - across2 * p.s_2, next_row, p.stride2 * p.s_2);
    var window = first * 4u;
    let c0 = (window / p.count2 / p.count1) * p.stride0 + away0;
    let c1 = (window / p.count2 % p.count1) * p.stride1 + away1;
    let c2 = (window % p.count2) * p.stride2 + away2;
    let base = p.source + (pair % p.images) * p.s_image + (row / taps) * p.s_channel;
    var x0 = Pixel(c0, c1, c2, base + c0 * p.s_0 + c1 * p.s_1 + c2 * p.s_2);
    let last = min(first + p.span, p.pitch / 4u);
    for (var four = first; four < last; four++) {
        let x1 = following(x0, e, s);
        let x2 = following(x1, e, s);
        let x3 = following(x2, e, s);
        let values = vec4<T>(under(window, x0), under(window + 1u, x1), under(window + 2u, x2), under(window + 3u, x3));
        store4(pair * p.pitch + window, values);
        x0 = following(x3, e, s);
        window += 4u;
    }
}
