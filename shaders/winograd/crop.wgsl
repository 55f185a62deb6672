// Of tiles what is wanted, put where it belongs: rows and columns of each below p.extent, and of each image below p.size.

// A thread's own pixels, which it stores in a loop: what follows is then compiled once.
var<workgroup> kept: array<vec4<T>, 64 * LENGTH * LENGTH>;

fn deliver(row: u32, column: u32, thread: u32, y: u32, x: Six) {
    let at = y * LENGTH * 64u + thread;
    kept[at] = x.a;
    kept[at + 64u] = x.b;
    kept[at + 128u] = x.c;
    if (LENGTH > 3u) {
        kept[at + 192u] = x.d;
    }
}

fn finish(row: u32, column: u32, thread: u32) {
    let begin = p.start + row / p.of_group * p.s_group + row % p.of_group * p.s_row;
    var t = tile_at(column);
    for (var i = 0u; i < 4u && column + i < p.columns; i++) {
        let top = t.y * p.step_y;
        let left = t.x * p.step_x;
        let corner = begin + t.image * p.s_image + top * p.s_y + left;
        for (var y = 0u; y < min(p.extent_y, p.size_y - top); y++) {
            for (var x = 0u; x < min(p.extent_x, p.size_x - left); x++) {
                store(corner + y * p.s_y + x, kept[(y * LENGTH + x) * 64u + thread][i]);
            }
        }
        t = following(t);
    }
}
