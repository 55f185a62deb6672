// y[row, column] = sum over k of a[row, k] * b[column, k]: eight threads for 32 by 32 results of one z and one part of
// the sum. A thread has four columns of them in registers; each fetches four rows of a, which all hear by broadcast.
//
// For software adapters whose subgroups are the lanes of a vector: there a load costs as much as many products, and a
// broadcast almost nothing. What a row, a place and a step are, the operands' files say.

const JUMP: u32 = 4u;

// The number of a thread among those that share what they fetch.
var<private> lane: u32;

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    lane = thread;
    let id = group.y * groups.x + group.x;
    let tile = id % p.tiles;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    // Of the smaller operand all is read again for each block of the larger one.
    let tiles_m = p.tiles / p.tiles_n;
    let down = p.m < p.n;
    let row = select(tile / p.tiles_n, tile % tiles_m, down) * 32u;
    let column = select(tile % p.tiles_n, tile / tiles_m, down) * 32u + thread * 4u;
    let first = part * p.part;
    let last = min(first + p.part, steps(z));
    // Rows and columns past the end repeat the last one and are not stored.
    let own = row + thread * 4u;
    let a0 = row_a(z, min(own, p.m - 1u));
    let a1 = row_a(z, min(own + 1u, p.m - 1u));
    let a2 = row_a(z, min(own + 2u, p.m - 1u));
    let a3 = row_a(z, min(own + 3u, p.m - 1u));
    let b0 = row_b(z, min(column, p.n - 1u));
    let b1 = row_b(z, min(column + 1u, p.n - 1u));
    let b2 = row_b(z, min(column + 2u, p.n - 1u));
    let b3 = row_b(z, min(column + 3u, p.n - 1u));
    var c0 = vec4<T>();
    var c1 = vec4<T>();
    var c2 = vec4<T>();
    var c3 = vec4<T>();
    var c4 = vec4<T>();
    var c5 = vec4<T>();
    var c6 = vec4<T>();
    var c7 = vec4<T>();
    var c8 = vec4<T>();
    var c9 = vec4<T>();
    var c10 = vec4<T>();
    var c11 = vec4<T>();
    var c12 = vec4<T>();
    var c13 = vec4<T>();
    var c14 = vec4<T>();
    var c15 = vec4<T>();
    var c16 = vec4<T>();
    var c17 = vec4<T>();
    var c18 = vec4<T>();
    var c19 = vec4<T>();
    var c20 = vec4<T>();
    var c21 = vec4<T>();
    var c22 = vec4<T>();
    var c23 = vec4<T>();
    var c24 = vec4<T>();
    var c25 = vec4<T>();
    var c26 = vec4<T>();
    var c27 = vec4<T>();
    var c28 = vec4<T>();
    var c29 = vec4<T>();
    var c30 = vec4<T>();
    var c31 = vec4<T>();
    var q = place(z, first);
    for (var k = first; k < last; k += 4u) {
        let u = fetch_a(a0, a1, a2, a3, q, k, last);
        let v = fetch_b(b0, b1, b2, b3, q, k, last);
        // All steps of a result together: it is taken out of memory and put back once.
        let x00 = subgroupBroadcast(u[0], 0u);
        let x01 = subgroupBroadcast(u[1], 0u);
        let x02 = subgroupBroadcast(u[2], 0u);
        let x03 = subgroupBroadcast(u[3], 0u);
        c0 += x00.x * v[0] + x01.x * v[1] + x02.x * v[2] + x03.x * v[3];
        c1 += x00.y * v[0] + x01.y * v[1] + x02.y * v[2] + x03.y * v[3];
        c2 += x00.z * v[0] + x01.z * v[1] + x02.z * v[2] + x03.z * v[3];
        c3 += x00.w * v[0] + x01.w * v[1] + x02.w * v[2] + x03.w * v[3];
        let x10 = subgroupBroadcast(u[0], 1u);
        let x11 = subgroupBroadcast(u[1], 1u);
        let x12 = subgroupBroadcast(u[2], 1u);
        let x13 = subgroupBroadcast(u[3], 1u);
        c4 += x10.x * v[0] + x11.x * v[1] + x12.x * v[2] + x13.x * v[3];
        c5 += x10.y * v[0] + x11.y * v[1] + x12.y * v[2] + x13.y * v[3];
        c6 += x10.z * v[0] + x11.z * v[1] + x12.z * v[2] + x13.z * v[3];
        c7 += x10.w * v[0] + x11.w * v[1] + x12.w * v[2] + x13.w * v[3];
        let x20 = subgroupBroadcast(u[0], 2u);
        let x21 = subgroupBroadcast(u[1], 2u);
        let x22 = subgroupBroadcast(u[2], 2u);
        let x23 = subgroupBroadcast(u[3], 2u);
        c8 += x20.x * v[0] + x21.x * v[1] + x22.x * v[2] + x23.x * v[3];
        c9 += x20.y * v[0] + x21.y * v[1] + x22.y * v[2] + x23.y * v[3];
        c10 += x20.z * v[0] + x21.z * v[1] + x22.z * v[2] + x23.z * v[3];
        c11 += x20.w * v[0] + x21.w * v[1] + x22.w * v[2] + x23.w * v[3];
        let x30 = subgroupBroadcast(u[0], 3u);
        let x31 = subgroupBroadcast(u[1], 3u);
        let x32 = subgroupBroadcast(u[2], 3u);
        let x33 = subgroupBroadcast(u[3], 3u);
        c12 += x30.x * v[0] + x31.x * v[1] + x32.x * v[2] + x33.x * v[3];
        c13 += x30.y * v[0] + x31.y * v[1] + x32.y * v[2] + x33.y * v[3];
        c14 += x30.z * v[0] + x31.z * v[1] + x32.z * v[2] + x33.z * v[3];
        c15 += x30.w * v[0] + x31.w * v[1] + x32.w * v[2] + x33.w * v[3];
        let x40 = subgroupBroadcast(u[0], 4u);
        let x41 = subgroupBroadcast(u[1], 4u);
        let x42 = subgroupBroadcast(u[2], 4u);
        let x43 = subgroupBroadcast(u[3], 4u);
        c16 += x40.x * v[0] + x41.x * v[1] + x42.x * v[2] + x43.x * v[3];
        c17 += x40.y * v[0] + x41.y * v[1] + x42.y * v[2] + x43.y * v[3];
        c18 += x40.z * v[0] + x41.z * v[1] + x42.z * v[2] + x43.z * v[3];
        c19 += x40.w * v[0] + x41.w * v[1] + x42.w * v[2] + x43.w * v[3];
        let x50 = subgroupBroadcast(u[0], 5u);
        let x51 = subgroupBroadcast(u[1], 5u);
        let x52 = subgroupBroadcast(u[2], 5u);
        let x53 = subgroupBroadcast(u[3], 5u);
        c20 += x50.x * v[0] + x51.x * v[1] + x52.x * v[2] + x53.x * v[3];
        c21 += x50.y * v[0] + x51.y * v[1] + x52.y * v[2] + x53.y * v[3];
        c22 += x50.z * v[0] + x51.z * v[1] + x52.z * v[2] + x53.z * v[3];
        c23 += x50.w * v[0] + x51.w * v[1] + x52.w * v[2] + x53.w * v[3];
        let x60 = subgroupBroadcast(u[0], 6u);
        let x61 = subgroupBroadcast(u[1], 6u);
        let x62 = subgroupBroadcast(u[2], 6u);
        let x63 = subgroupBroadcast(u[3], 6u);
        c24 += x60.x * v[0] + x61.x * v[1] + x62.x * v[2] + x63.x * v[3];
        c25 += x60.y * v[0] + x61.y * v[1] + x62.y * v[2] + x63.y * v[3];
        c26 += x60.z * v[0] + x61.z * v[1] + x62.z * v[2] + x63.z * v[3];
        c27 += x60.w * v[0] + x61.w * v[1] + x62.w * v[2] + x63.w * v[3];
        let x70 = subgroupBroadcast(u[0], 7u);
        let x71 = subgroupBroadcast(u[1], 7u);
        let x72 = subgroupBroadcast(u[2], 7u);
        let x73 = subgroupBroadcast(u[3], 7u);
        c28 += x70.x * v[0] + x71.x * v[1] + x72.x * v[2] + x73.x * v[3];
        c29 += x70.y * v[0] + x71.y * v[1] + x72.y * v[2] + x73.y * v[3];
        c30 += x70.z * v[0] + x71.z * v[1] + x72.z * v[2] + x73.z * v[3];
        c31 += x70.w * v[0] + x71.w * v[1] + x72.w * v[2] + x73.w * v[3];
        q = jump(q);
    }
    // What follows a product may be long: then one of it is compiled faster than one for each row. Else results that a loop
    // finds by their number lie in memory, and take twice as long to compile and to store.
    if (LOOP == 1u) {
        var results = array<vec4<T>, 32>(
            c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15,
            c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31,
        );
        let rows = min(32u, p.m - row);
        for (var i = 0u; i < rows; i++) {
            put4(z, part, row + i, column, results[i]);
        }
    } else {
        put4(z, part, row, column, c0);
        put4(z, part, row + 1u, column, c1);
        put4(z, part, row + 2u, column, c2);
        put4(z, part, row + 3u, column, c3);
        put4(z, part, row + 4u, column, c4);
        put4(z, part, row + 5u, column, c5);
        put4(z, part, row + 6u, column, c6);
        put4(z, part, row + 7u, column, c7);
        put4(z, part, row + 8u, column, c8);
        put4(z, part, row + 9u, column, c9);
        put4(z, part, row + 10u, column, c10);
        put4(z, part, row + 11u, column, c11);
        put4(z, part, row + 12u, column, c12);
        put4(z, part, row + 13u, column, c13);
        put4(z, part, row + 14u, column, c14);
        put4(z, part, row + 15u, column, c15);
        put4(z, part, row + 16u, column, c16);
        put4(z, part, row + 17u, column, c17);
        put4(z, part, row + 18u, column, c18);
        put4(z, part, row + 19u, column, c19);
        put4(z, part, row + 20u, column, c20);
        put4(z, part, row + 21u, column, c21);
        put4(z, part, row + 22u, column, c22);
        put4(z, part, row + 23u, column, c23);
        put4(z, part, row + 24u, column, c24);
        put4(z, part, row + 25u, column, c25);
        put4(z, part, row + 26u, column, c26);
        put4(z, part, row + 27u, column, c27);
        put4(z, part, row + 28u, column, c28);
        put4(z, part, row + 29u, column, c29);
        put4(z, part, row + 30u, column, c30);
        put4(z, part, row + 31u, column, c31);
    }
}
