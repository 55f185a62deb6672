// y[row, column] = sum over k of a[row, k] * b[column, k]: a workgroup for BLOCK_M by BLOCK_N results of one z and one
// part of the sum, a tile of them in the registers of each thread.
//
// Slices of DEPTH steps go through workgroup memory, as vectors over four rows; the next slice is fetched while one is
// multiplied. A_ALONG_K and B_ALONG_K say along which axis neighbours in memory lie, so that neighbouring threads fetch
// them. What a row, a place and a step are, the operands' files say; how large a tile is, that of the registers.

const JUMP: u32 = DEPTH;
const STEPS: u32 = DEPTH / 4u;
const ROWS_A: u32 = BLOCK_M / 4u;
const ROWS_B: u32 = BLOCK_N / 4u;
// One vector more than there are, so that threads that write one row after the other meet other banks.
const STRIDE_A: u32 = ROWS_A + 1u;
const STRIDE_B: u32 = ROWS_B + 1u;
const FETCHES_A: u32 = ROWS_A * STEPS;
const FETCHES_B: u32 = ROWS_B * STEPS;
const ACROSS: u32 = BLOCK_N / TILE_N;
const GROUP: u32 = (BLOCK_M / TILE_M) * ACROSS;
// There is one fetch of either operand for each thread, or the first threads fetch a and the others b.
const EACH: bool = FETCHES_A == GROUP;

var<workgroup> tile_a: array<vec4<T>, STRIDE_A * DEPTH>;
var<workgroup> tile_b: array<vec4<T>, STRIDE_B * DEPTH>;

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = group.y * groups.x + group.x;
    let tile = id % p.tiles;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    let row = (tile / p.tiles_n) * BLOCK_M;
    let column = (tile % p.tiles_n) * BLOCK_N;
    let first = part * p.part;
    let last = min(first + p.part, steps(z));
    let fetches_a = EACH || thread < FETCHES_A;
    let fetches_b = EACH || thread >= FETCHES_A;
    let at_a = thread % FETCHES_A;
    let at_b = select(thread - FETCHES_A, thread, EACH) % FETCHES_B;
    let ai = select(at_a % ROWS_A, at_a / STEPS, A_ALONG_K == 1u);
    let ad = select(at_a / ROWS_A, at_a % STEPS, A_ALONG_K == 1u);
    let bi = select(at_b % ROWS_B, at_b / STEPS, B_ALONG_K == 1u);
    let bd = select(at_b / ROWS_B, at_b % STEPS, B_ALONG_K == 1u);
    // Rows past the end repeat the last one and are not stored.
    let a0 = row_a(z, min(row + ai * 4u, p.m - 1u));
    let a1 = row_a(z, min(row + ai * 4u + 1u, p.m - 1u));
    let a2 = row_a(z, min(row + ai * 4u + 2u, p.m - 1u));
    let a3 = row_a(z, min(row + ai * 4u + 3u, p.m - 1u));
    let b0 = row_b(z, min(column + bi * 4u, p.n - 1u));
    let b1 = row_b(z, min(column + bi * 4u + 1u, p.n - 1u));
    let b2 = row_b(z, min(column + bi * 4u + 2u, p.n - 1u));
    let b3 = row_b(z, min(column + bi * 4u + 3u, p.n - 1u));
    var ka = first + ad * 4u;
    var kb = first + bd * 4u;
    var qa = place(z, ka);
    var qb = place(z, kb);
    var fa = mat4x4<T>();
    var fb = mat4x4<T>();
    if (fetches_a) {
        fa = fetch_a(a0, a1, a2, a3, qa, ka, last);
    }
    if (fetches_b) {
        fb = fetch_b(b0, b1, b2, b3, qb, kb, last);
    }
    let x = thread % ACROSS;
    let y = thread / ACROSS;
    var c = Tile();
    for (var k = first; k < last; k += DEPTH) {
        if (fetches_a) {
            let at = ad * 4u * STRIDE_A + ai;
            tile_a[at] = fa[0];
            tile_a[at + STRIDE_A] = fa[1];
            tile_a[at + 2u * STRIDE_A] = fa[2];
            tile_a[at + 3u * STRIDE_A] = fa[3];
        }
        if (fetches_b) {
            let at = bd * 4u * STRIDE_B + bi;
            tile_b[at] = fb[0];
            tile_b[at + STRIDE_B] = fb[1];
            tile_b[at + 2u * STRIDE_B] = fb[2];
            tile_b[at + 3u * STRIDE_B] = fb[3];
        }
        workgroupBarrier();
        if (k + DEPTH < last) {
            ka += DEPTH;
            kb += DEPTH;
            qa = jump(qa);
            qb = jump(qb);
            if (fetches_a) {
                fa = fetch_a(a0, a1, a2, a3, qa, ka, last);
            }
            if (fetches_b) {
                fb = fetch_b(b0, b1, b2, b3, qb, kb, last);
            }
        }
        for (var d = 0u; d < DEPTH; d += 4u) {
            c = multiply(c, d, x, y);
            c = multiply(c, d + 1u, x, y);
            c = multiply(c, d + 2u, x, y);
            c = multiply(c, d + 3u, x, y);
        }
        workgroupBarrier();
    }
    finish(c, z, part, row, column, x, y);
}
