// v[position, row, column] = tiles of LENGTH by LENGTH pixels, made six by six `along` either axis. Positions are p.apart from
// each other. A row has the tiles of one channel of all images, whole fours of columns; what follows the last tile is zero.

fn at(a: Column, b: Column, c: Column, d: Column, r: u32) -> vec4<T> {
    if (r >= LENGTH) {
        return vec4<T>();
    }
    return pixels(a, b, c, d, r);
}

fn down(t0: Tile, t1: Tile, t2: Tile, t3: Tile, column: u32, x: u32, begin: u32) -> Six {
    if (x >= LENGTH) {
        return Six();
    }
    let a = column_of(t0, column, x, begin);
    let b = column_of(t1, column + 1u, x, begin);
    let c = column_of(t2, column + 2u, x, begin);
    let d = column_of(t3, column + 3u, x, begin);
    return along(Six(
        at(a, b, c, d, 0u), at(a, b, c, d, 1u), at(a, b, c, d, 2u),
        at(a, b, c, d, 3u), at(a, b, c, d, 4u), at(a, b, c, d, 5u),
    ));
}

fn keep(to: u32, x: Six) {
    let f = along(x);
    store4(to, f.a);
    store4(to + p.apart, f.b);
    store4(to + 2u * p.apart, f.c);
    store4(to + 3u * p.apart, f.d);
    store4(to + 4u * p.apart, f.e);
    store4(to + 5u * p.apart, f.f);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + thread;
    let row = i / p.chunks;
    if (row >= p.rows) {
        return;
    }
    let column = i % p.chunks * 4u;
    let begin = p.source + row / p.of_group * p.s_group + row % p.of_group * p.s_row;
    let t0 = tile_at(column);
    let t1 = following(t0);
    let t2 = following(t1);
    let t3 = following(t2);
    let a = down(t0, t1, t2, t3, column, 0u, begin);
    let b = down(t0, t1, t2, t3, column, 1u, begin);
    let c = down(t0, t1, t2, t3, column, 2u, begin);
    let d = down(t0, t1, t2, t3, column, 3u, begin);
    let e = down(t0, t1, t2, t3, column, 4u, begin);
    let f = down(t0, t1, t2, t3, column, 5u, begin);
    let to = row * p.pitch + column;
    let line = 6u * p.apart;
    keep(to, Six(a.a, b.a, c.a, d.a, e.a, f.a));
    keep(to + line, Six(a.b, b.b, c.b, d.b, e.b, f.b));
    keep(to + 2u * line, Six(a.c, b.c, c.c, d.c, e.c, f.c));
    keep(to + 3u * line, Six(a.d, b.d, c.d, d.d, e.d, f.d));
    keep(to + 4u * line, Six(a.e, b.e, c.e, d.e, e.e, f.e));
    keep(to + 5u * line, Six(a.f, b.f, c.f, d.f, e.f, f.f));
}
