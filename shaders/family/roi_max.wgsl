// The largest pixel of each cell of a region, and its place in the image; the first of equals, NaN beats every number.
// A cell without a pixel has p.fill and -1.

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
    let column = i % p.out_w;
    let row = (i / p.out_w) % p.out_h;
    let channel = (i / (p.out_w * p.out_h)) % p.channels;
    let region = i / (p.out_w * p.out_h * p.channels);
    let plane = u32(get_image(region)) * p.channels + channel;
    let top = get_rows(2u * (region * p.out_h + row));
    let bottom = get_rows(2u * (region * p.out_h + row) + 1u);
    let left = get_columns(2u * (region * p.out_w + column));
    let right = get_columns(2u * (region * p.out_w + column) + 1u);
    var best = p_fill(p.empty);
    var at = -1;
    for (var y = top; y < bottom; y++) {
        for (var x = left; x < right; x++) {
            let v = load_x(plane, u32(y) * p.width + u32(x));
            if (at < 0 || v > best || (is_nan(v) && !is_nan(best))) {
                best = v;
                at = y * i32(p.width) + x;
            }
        }
    }
    store_y(i, best);
    put_at(i, at);
}

// What a cell without a pixel has: zero, or less than any number.
fn p_fill(empty: u32) -> T {
    if (empty == 0u) {
        return T(0);
    }
    return T(math_infinity(-1.0));
}
