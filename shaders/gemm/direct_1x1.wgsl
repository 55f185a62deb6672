// y[row, column] = sum over k of a[row, k] * b[column, k]: a thread for one result of one z and one part of the sum.
//
// For products of one row, such as those of a depthwise convolution, of which a larger tile would use a part.

const JUMP: u32 = 1u;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + thread;
    let tile = id % p.tiles;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    let row = tile / p.tiles_n;
    let column = tile % p.tiles_n;
    let first = part * p.part;
    let last = min(first + p.part, steps(z));
    let a = row_a(z, row);
    let b = row_b(z, column);
    var sum = T(0);
    var q = place(z, first);
    for (var k = first; k < last; k++) {
        sum += take_a(a, step_a(q)) * take_b(b, step_b(q));
        q = next(q);
    }
    put(z, part, row, column, sum);
}
