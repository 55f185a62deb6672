// y[o, r] = sum over k of a[o, k] * b[r, k]: one thread for 8 by 8 results, held in registers, without barriers.
//
// For adapters on which a barrier costs what it saves on a GPU.

const SIDE: u32 = 8u;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + thread;
    if (id >= p.threads) {
        return;
    }
    let row = (id / p.tiles_n) * SIDE;
    let column = (id % p.tiles_n) * SIDE;
    // Rows and columns past the end repeat the last one and are not stored.
    let a_first = group.z * p.m;
    let b_first = group.z * p.columns;
    let a0 = a_first + row;
    let a1 = a_first + min(row + 1u, p.m - 1u);
    let a2 = a_first + min(row + 2u, p.m - 1u);
    let a3 = a_first + min(row + 3u, p.m - 1u);
    let a4 = a_first + min(row + 4u, p.m - 1u);
    let a5 = a_first + min(row + 5u, p.m - 1u);
    let a6 = a_first + min(row + 6u, p.m - 1u);
    let a7 = a_first + min(row + 7u, p.m - 1u);
    let b0 = b_first + column;
    let b1 = b_first + min(column + 1u, p.columns - 1u);
    let b2 = b_first + min(column + 2u, p.columns - 1u);
    let b3 = b_first + min(column + 3u, p.columns - 1u);
    let b4 = b_first + min(column + 4u, p.columns - 1u);
    let b5 = b_first + min(column + 5u, p.columns - 1u);
    let b6 = b_first + min(column + 6u, p.columns - 1u);
    let b7 = b_first + min(column + 7u, p.columns - 1u);
    var c00 = vec4<T>(); var c01 = vec4<T>();
    var c10 = vec4<T>(); var c11 = vec4<T>();
    var c20 = vec4<T>(); var c21 = vec4<T>();
    var c30 = vec4<T>(); var c31 = vec4<T>();
    var c40 = vec4<T>(); var c41 = vec4<T>();
    var c50 = vec4<T>(); var c51 = vec4<T>();
    var c60 = vec4<T>(); var c61 = vec4<T>();
    var c70 = vec4<T>(); var c71 = vec4<T>();
    for (var k = 0u; k < p.k; k++) {
        let u = vec4<T>(load_b(b0, k), load_b(b1, k), load_b(b2, k), load_b(b3, k));
        let v = vec4<T>(load_b(b4, k), load_b(b5, k), load_b(b6, k), load_b(b7, k));
        let x0 = load_a(a0, k);
        c00 += x0 * u; c01 += x0 * v;
        let x1 = load_a(a1, k);
        c10 += x1 * u; c11 += x1 * v;
        let x2 = load_a(a2, k);
        c20 += x2 * u; c21 += x2 * v;
        let x3 = load_a(a3, k);
        c30 += x3 * u; c31 += x3 * v;
        let x4 = load_a(a4, k);
        c40 += x4 * u; c41 += x4 * v;
        let x5 = load_a(a5, k);
        c50 += x5 * u; c51 += x5 * v;
        let x6 = load_a(a6, k);
        c60 += x6 * u; c61 += x6 * v;
        let x7 = load_a(a7, k);
        c70 += x7 * u; c71 += x7 * v;
    }
    store_row(group.z, row, column, c00, c01);
    store_row(group.z, row + 1u, column, c10, c11);
    store_row(group.z, row + 2u, column, c20, c21);
    store_row(group.z, row + 3u, column, c30, c31);
    store_row(group.z, row + 4u, column, c40, c41);
    store_row(group.z, row + 5u, column, c50, c51);
    store_row(group.z, row + 6u, column, c60, c61);
    store_row(group.z, row + 7u, column, c70, c71);
}

fn store_row(batch: u32, row: u32, column: u32, left: vec4<T>, right: vec4<T>) {
    if (row >= p.m) {
        return;
    }
    let o = batch * p.m + row;
    for (var j = 0u; j < 4u; j++) {
        if (column + j < p.columns) {
            store(o, column + j, left[j]);
        }
        if (column + 4u + j < p.columns) {
            store(o, column + 4u + j, right[j]);
        }
    }
}
