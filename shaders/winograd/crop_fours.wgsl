// As crop.wgsl for tiles of four by four results, where rows of images are whole fours: by vectors.

var<workgroup> kept: array<vec4<T>, 1024>;

fn deliver(row: u32, column: u32, thread: u32, y: u32, x: Six) {
    let at = y * 256u + thread;
    kept[at] = x.a;
    kept[at + 64u] = x.b;
    kept[at + 128u] = x.c;
    kept[at + 192u] = x.d;
}

fn finish(row: u32, column: u32, thread: u32) {
    let begin = p.start + row / p.of_group * p.s_group + row % p.of_group * p.s_row;
    var t = tile_at(column);
    for (var i = 0u; i < 4u && column + i < p.columns; i++) {
        let top = t.y * 4u;
        let corner = begin + t.image * p.s_image + top * p.s_y + t.x * 4u;
        for (var y = 0u; y < min(4u, p.size_y - top); y++) {
            let at = y * 256u + thread;
            store4(corner + y * p.s_y, vec4<T>(kept[at][i], kept[at + 64u][i], kept[at + 128u][i], kept[at + 192u][i]));
        }
        t = following(t);
    }
}
