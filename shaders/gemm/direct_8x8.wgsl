// y[row, column] = sum over k of a[row, k] * b[column, k]: a thread for 8 by 8 results of one z and one part of the sum,
// held in registers, without barriers.
//
// For adapters on which a barrier costs what it saves on a GPU. What a row, a place and a step are, the operands' files say.

const JUMP: u32 = 1u;

@compute @workgroup_size(16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = (group.y * groups.x + group.x) * 16u + thread;
    let tile = id % p.tiles;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    let row = (tile / p.tiles_n) * 8u;
    let column = (tile % p.tiles_n) * 8u;
    let first = part * p.part;
    let last = min(first + p.part, steps(z));
    // Rows and columns past the end repeat the last one and are not stored.
    let a0 = row_a(z, min(row, p.m - 1u));
    let a1 = row_a(z, min(row + 1u, p.m - 1u));
    let a2 = row_a(z, min(row + 2u, p.m - 1u));
    let a3 = row_a(z, min(row + 3u, p.m - 1u));
    let a4 = row_a(z, min(row + 4u, p.m - 1u));
    let a5 = row_a(z, min(row + 5u, p.m - 1u));
    let a6 = row_a(z, min(row + 6u, p.m - 1u));
    let a7 = row_a(z, min(row + 7u, p.m - 1u));
    let b0 = row_b(z, min(column, p.n - 1u));
    let b1 = row_b(z, min(column + 1u, p.n - 1u));
    let b2 = row_b(z, min(column + 2u, p.n - 1u));
    let b3 = row_b(z, min(column + 3u, p.n - 1u));
    let b4 = row_b(z, min(column + 4u, p.n - 1u));
    let b5 = row_b(z, min(column + 5u, p.n - 1u));
    let b6 = row_b(z, min(column + 6u, p.n - 1u));
    let b7 = row_b(z, min(column + 7u, p.n - 1u));
    var c00 = vec4<T>(); var c01 = vec4<T>();
    var c10 = vec4<T>(); var c11 = vec4<T>();
    var c20 = vec4<T>(); var c21 = vec4<T>();
    var c30 = vec4<T>(); var c31 = vec4<T>();
    var c40 = vec4<T>(); var c41 = vec4<T>();
    var c50 = vec4<T>(); var c51 = vec4<T>();
    var c60 = vec4<T>(); var c61 = vec4<T>();
    var c70 = vec4<T>(); var c71 = vec4<T>();
    var q = place(z, first);
    for (var k = first; k < last; k++) {
        let sa = step_a(q);
        let sb = step_b(q);
        let u0 = vec4<T>(take_b(b0, sb), take_b(b1, sb), take_b(b2, sb), take_b(b3, sb));
        let u1 = vec4<T>(take_b(b4, sb), take_b(b5, sb), take_b(b6, sb), take_b(b7, sb));
        let x0 = take_a(a0, sa);
        c00 += x0 * u0; c01 += x0 * u1;
        let x1 = take_a(a1, sa);
        c10 += x1 * u0; c11 += x1 * u1;
        let x2 = take_a(a2, sa);
        c20 += x2 * u0; c21 += x2 * u1;
        let x3 = take_a(a3, sa);
        c30 += x3 * u0; c31 += x3 * u1;
        let x4 = take_a(a4, sa);
        c40 += x4 * u0; c41 += x4 * u1;
        let x5 = take_a(a5, sa);
        c50 += x5 * u0; c51 += x5 * u1;
        let x6 = take_a(a6, sa);
        c60 += x6 * u0; c61 += x6 * u1;
        let x7 = take_a(a7, sa);
        c70 += x7 * u0; c71 += x7 * u1;
        q = next(q);
    }
    put4(z, part, row, column, c00);
    put4(z, part, row, column + 4u, c01);
    put4(z, part, row + 1u, column, c10);
    put4(z, part, row + 1u, column + 4u, c11);
    put4(z, part, row + 2u, column, c20);
    put4(z, part, row + 2u, column + 4u, c21);
    put4(z, part, row + 3u, column, c30);
    put4(z, part, row + 3u, column + 4u, c31);
    put4(z, part, row + 4u, column, c40);
    put4(z, part, row + 4u, column + 4u, c41);
    put4(z, part, row + 5u, column, c50);
    put4(z, part, row + 5u, column + 4u, c51);
    put4(z, part, row + 6u, column, c60);
    put4(z, part, row + 6u, column + 4u, c61);
    put4(z, part, row + 7u, column, c70);
    put4(z, part, row + 7u, column + 4u, c71);
}
