// y[o], lower triangular, with y[o] y[o]' = x[o], of which the lower triangle is read: a workgroup for each matrix.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = group.y * groups.x + group.x;
    if (o >= p.matrices) {
        return;
    }
    let n = p.size;
    let at = o * n * n;
    for (var r = thread; r < n; r += 64u) {
        for (var c = 0u; c < n; c++) {
            write_w(at + r * n + c, select(T(0), load_x(o, r * n + c), c <= r));
        }
    }
    for (var k = 0u; k < n; k++) {
        storageBarrier();
        let pivot = sqrt(read_w(at + k * n + k));
        storageBarrier();
        // Rows are divided by threads; the pivot's column is complete before it is taken from the columns after it.
        for (var r = k + thread; r < n; r += 64u) {
            let i = at + r * n + k;
            write_w(i, select(read_w(i) / pivot, pivot, r == k));
        }
        storageBarrier();
        for (var r = k + 1u + thread; r < n; r += 64u) {
            for (var c = k + 1u; c <= r; c++) {
                let i = at + r * n + c;
                write_w(i, read_w(i) - read_w(at + r * n + k) * read_w(at + c * n + k));
            }
        }
    }
    storageBarrier();
    for (var r = thread; r < n; r += 64u) {
        for (var c = 0u; c < n; c++) {
            store_y(at + r * n + c, read_w(at + r * n + c));
        }
    }
}
