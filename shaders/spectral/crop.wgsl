// Of tiles what is wanted, put where it belongs: rows and columns of each below p.extent, and of each image below p.size.

fn deliver(row: u32, column: u32, x: u32, quad: u32, f: array<vec4<T>, 16>) {
    // A thread's own column: nobody else reads it any more.
    lines[line(0u, x, quad)] = Complex(f[0], f[1]);
    lines[line(1u, x, quad)] = Complex(f[2], f[3]);
    lines[line(2u, x, quad)] = Complex(f[4], f[5]);
    lines[line(3u, x, quad)] = Complex(f[6], f[7]);
    lines[line(4u, x, quad)] = Complex(f[8], f[9]);
    lines[line(5u, x, quad)] = Complex(f[10], f[11]);
    lines[line(6u, x, quad)] = Complex(f[12], f[13]);
    lines[line(7u, x, quad)] = Complex(f[14], f[15]);
    let begin = p.start + row / p.of_group * p.s_group + row % p.of_group * p.s_row;
    var t = tile_at(column);
    for (var i = 0u; i < 4u && column + i < p.columns; i++) {
        let top = t.y * p.step_y;
        let across = t.x * p.step_x + x;
        if (across < p.size_x) {
            let to = begin + t.image * p.s_image + top * p.s_y + across;
            for (var r = 0u; r < min(p.extent_y, p.size_y - top); r++) {
                let rows = lines[line(r / 2u, x, quad)];
                store(to + r * p.s_y, select(rows.re, rows.im, (r & 1u) == 1u)[i] * SCALE);
            }
        }
        t = following(t);
    }
}
