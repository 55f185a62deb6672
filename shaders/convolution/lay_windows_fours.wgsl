// As lay_windows.wgsl where the pitch is a multiple of four: a thread lays out some fours of windows of one image under one
// element, each by one store. It steps from window to window without division, and loads without asking: a branch costs a
// software adapter more than a load that nobody needs.

struct Window {
    c0: u32,
    c1: u32,
    c2: u32,
}

// Where the element lies from a window's corner, and where the channel begins.
struct Element {
    away0: u32,
    away1: u32,
    away2: u32,
    base: u32,
}

fn following(w: Window) -> Window {
    let over2 = w.c2 + 1u == p.count2;
    let over1 = over2 && w.c1 + 1u == p.count1;
    return Window(
        select(w.c0, w.c0 + 1u, over1),
        select(select(w.c1, w.c1 + 1u, over2), 0u, over1),
        select(w.c2 + 1u, 0u, over2),
    );
}

// What lies there; zero over the edges and for what follows the last window.
fn under(w: Window, e: Element) -> T {
    // Below zero is far above as an unsigned number.
    let at0 = w.c0 * p.stride0 + e.away0;
    let at1 = w.c1 * p.stride1 + e.away1;
    let at2 = w.c2 * p.stride2 + e.away2;
    let inside = w.c0 < p.count0 && at0 < p.size0 && at1 < p.size1 && at2 < p.size2;
    let at = select(p.source, e.base + at0 * p.s_0 + at1 * p.s_1 + at2 * p.s_2, inside);
    return select(T(0), read_x(at), inside);
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
    let e = Element(
        (element / p.kernel2 / p.kernel1) * p.dilate0 - p.pad0,
        (element / p.kernel2 % p.kernel1) * p.dilate1 - p.pad1,
        (element % p.kernel2) * p.dilate2 - p.pad2,
        p.source + (pair % p.images) * p.s_image + (row / taps) * p.s_channel,
    );
    let window = first * 4u;
    var w0 = Window(window / p.count2 / p.count1, window / p.count2 % p.count1, window % p.count2);
    let last = min(first + p.span, p.pitch / 4u);
    for (var four = first; four < last; four++) {
        let w1 = following(w0);
        let w2 = following(w1);
        let w3 = following(w2);
        store4(pair * p.pitch + four * 4u, vec4<T>(under(w0, e), under(w1, e), under(w2, e), under(w3, e)));
        w0 = following(w3);
    }
}
