// The tiles of products m[position, row, column], LENGTH by LENGTH of six by six `along` either axis, delivered line by line.

fn product(position: u32, row: u32, column: u32) -> vec4<T> {
    return load4_m(base_m(position * p.rows + row), column);
}

fn down(x: u32, row: u32, column: u32) -> Six {
    return along(Six(
        product(x, row, column), product(x + 6u, row, column), product(x + 12u, row, column),
        product(x + 18u, row, column), product(x + 24u, row, column), product(x + 30u, row, column),
    ));
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
    let a = down(0u, row, column);
    let b = down(1u, row, column);
    let c = down(2u, row, column);
    let d = down(3u, row, column);
    let e = down(4u, row, column);
    let f = down(5u, row, column);
    deliver(row, column, thread, 0u, along(Six(a.a, b.a, c.a, d.a, e.a, f.a)));
    deliver(row, column, thread, 1u, along(Six(a.b, b.b, c.b, d.b, e.b, f.b)));
    deliver(row, column, thread, 2u, along(Six(a.c, b.c, c.c, d.c, e.c, f.c)));
    if (LENGTH > 3u) {
        deliver(row, column, thread, 3u, along(Six(a.d, b.d, c.d, d.d, e.d, f.d)));
    }
    if (LENGTH > 4u) {
        deliver(row, column, thread, 4u, along(Six(a.e, b.e, c.e, d.e, e.e, f.e)));
        deliver(row, column, thread, 5u, along(Six(a.f, b.f, c.f, d.f, e.f, f.f)));
    }
    finish(row, column, thread);
}
