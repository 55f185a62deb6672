// The largest of the samples of each cell of a region, as where it lies in the image: the first of equals, -1 where no
// sample is in the image. A sample lies between four pixels; p.high and p.wide are the samples along a cell's sides, zero
// for as many as it has pixels.

fn sample_count(length: f32, n: u32) -> u32 {
    return select(n, u32(clamp(ceil(length), 1.0, 65535.0)), n == 0u);
}

fn sample_at(first: f32, length: f32, cell: u32, s: u32, n: u32) -> f32 {
    return first + (f32(cell) + (f32(s) + 0.5) / f32(n)) * length;
}

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
    let top = load_corners(4u * region);
    let left = load_corners(4u * region + 1u);
    let high = max(load_corners(4u * region + 2u) - top, T(1)) / T(p.out_h);
    let wide = max(load_corners(4u * region + 3u) - left, T(1)) / T(p.out_w);
    let rows = sample_count(high, p.high);
    let columns = sample_count(wide, p.wide);
    let far = vec2<f32>(f32(p.height - 1u), f32(p.width - 1u));
    // A sample outside of the image has no value: only those rows and columns count that may be inside.
    var best = T(0);
    var y = T(-1);
    var x = T(-1);
    for (var r = 0u; r < rows; r++) {
        let at_y = sample_at(top, high, row, r, rows);
        if (!(at_y >= -1.0 && at_y <= far.x + 1.0)) {
            continue;
        }
        let v = clamp(at_y, 0.0, far.x);
        let above = u32(v);
        let below = min(above + 1u, p.height - 1u);
        let dy = v - floor(v);
        for (var c = 0u; c < columns; c++) {
            let at_x = sample_at(left, wide, column, c, columns);
            if (!(at_x >= -1.0 && at_x <= far.y + 1.0)) {
                continue;
            }
            let u = clamp(at_x, 0.0, far.y);
            let before = u32(u);
            let after = min(before + 1u, p.width - 1u);
            let dx = u - floor(u);
            let upper = (1.0 - dx) * load_x(plane, above * p.width + before) + dx * load_x(plane, above * p.width + after);
            let lower = (1.0 - dx) * load_x(plane, below * p.width + before) + dx * load_x(plane, below * p.width + after);
            let value = (1.0 - dy) * upper + dy * lower;
            if (y < T(0) || value > best) {
                best = value;
                y = v;
                x = u;
            }
        }
    }
    store_y(i, y);
    store_x_out(i, x);
}
