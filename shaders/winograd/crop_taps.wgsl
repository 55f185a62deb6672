// As crop.wgsl for filters of three by three one after the other, whole fours of them: by vectors.

var<private> taps: array<vec4<T>, 9>;

fn deliver(row: u32, column: u32, thread: u32, y: u32, x: Six) {
    taps[3u * y] = x.a;
    taps[3u * y + 1u] = x.b;
    taps[3u * y + 2u] = x.c;
}

fn finish(row: u32, column: u32, thread: u32) {
    let a = taps[0];
    let b = taps[1];
    let c = taps[2];
    let d = taps[3];
    let e = taps[4];
    let f = taps[5];
    let g = taps[6];
    let h = taps[7];
    let i = taps[8];
    let begin = p.start + row / p.of_group * p.s_group + row % p.of_group * p.s_row + column * 9u;
    store4(begin, vec4<T>(a.x, b.x, c.x, d.x));
    store4(begin + 4u, vec4<T>(e.x, f.x, g.x, h.x));
    store4(begin + 8u, vec4<T>(i.x, a.y, b.y, c.y));
    store4(begin + 12u, vec4<T>(d.y, e.y, f.y, g.y));
    store4(begin + 16u, vec4<T>(h.y, i.y, a.z, b.z));
    store4(begin + 20u, vec4<T>(c.z, d.z, e.z, f.z));
    store4(begin + 24u, vec4<T>(g.z, h.z, i.z, a.w));
    store4(begin + 28u, vec4<T>(b.w, c.w, d.w, e.w));
    store4(begin + 32u, vec4<T>(f.w, g.w, h.w, i.w));
}
