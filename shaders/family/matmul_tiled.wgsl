// y[o, r] = sum over k of a[o, k] * b[r, k]: a workgroup for 64 by 64 results, 4 by 4 in each of 256 threads.
//
// Slices of 16 along k go through workgroup memory, transposed so that a thread reads four rows as one vector.
// A_ALONG_K and B_ALONG_K say along which axis neighbours in memory lie, so that neighbouring threads load them.

const TILE: u32 = 64u;
const DEPTH: u32 = 16u;

var<workgroup> tile_a: array<array<vec4<T>, 16>, 16>;
var<workgroup> tile_b: array<array<vec4<T>, 16>, 16>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = group.y * groups.x + group.x;
    let row = (tile / p.tiles_n) * TILE;
    let column = (tile % p.tiles_n) * TILE;
    if (row >= p.m) {
        return;
    }
    let a_first = group.z * p.m;
    let b_first = group.z * p.columns;
    let x = thread % 16u;
    let y = thread / 16u;
    var c0 = vec4<T>();
    var c1 = vec4<T>();
    var c2 = vec4<T>();
    var c3 = vec4<T>();
    for (var first = 0u; first < p.k; first += DEPTH) {
        for (var part = 0u; part < 4u; part++) {
            let at = part * 256u + thread;
            // Position of this element in the slice: i along the rows, d along k.
            let ai = select(at % TILE, at / DEPTH, A_ALONG_K == 1u);
            let ad = select(at / TILE, at % DEPTH, A_ALONG_K == 1u);
            let bi = select(at % TILE, at / DEPTH, B_ALONG_K == 1u);
            let bd = select(at / TILE, at % DEPTH, B_ALONG_K == 1u);
            var va = T(0);
            if (row + ai < p.m && first + ad < p.k) {
                va = load_a(a_first + row + ai, first + ad);
            }
            var vb = T(0);
            if (column + bi < p.columns && first + bd < p.k) {
                vb = load_b(b_first + column + bi, first + bd);
            }
            tile_a[ad][ai / 4u][ai % 4u] = va;
            tile_b[bd][bi / 4u][bi % 4u] = vb;
        }
        workgroupBarrier();
        for (var d = 0u; d < DEPTH; d++) {
            let u = tile_a[d][y];
            let v = tile_b[d][x];
            c0 += u.x * v;
            c1 += u.y * v;
            c2 += u.z * v;
            c3 += u.w * v;
        }
        workgroupBarrier();
    }
    store_row(group.z, row + y * 4u, column + x * 4u, c0);
    store_row(group.z, row + y * 4u + 1u, column + x * 4u, c1);
    store_row(group.z, row + y * 4u + 2u, column + x * 4u, c2);
    store_row(group.z, row + y * 4u + 3u, column + x * 4u, c3);
}

fn store_row(batch: u32, row: u32, column: u32, values: vec4<T>) {
    if (row >= p.m) {
        return;
    }
    for (var j = 0u; j < 4u; j++) {
        if (column + j < p.columns) {
            store(batch * p.m + row, column + j, values[j]);
        }
    }
}
