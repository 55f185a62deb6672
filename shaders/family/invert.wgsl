// The inverse and the determinant of w[o], an n by n matrix beside which there is an identity: a workgroup for each.
//
// Gauss-Jordan elimination with row pivots in the memory w, (matrices, n, 2 n). A thread has every 64th column to itself;
// the pivot's column is read by all and stays as it is.

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
    let width = 2u * n;
    let at = o * n * width;
    for (var c = thread; c < width; c += 64u) {
        for (var r = 0u; r < n; r++) {
            if (c < n) {
                write_w(at + r * width + c, load_x(o, r * n + c));
            } else {
                write_w(at + r * width + c, select(T(0), T(1), c - n == r));
            }
        }
    }
    var determinant = T(1);
    for (var k = 0u; k < n; k++) {
        storageBarrier();
        var row = k;
        for (var r = k + 1u; r < n; r++) {
            if (abs(read_w(at + r * width + k)) > abs(read_w(at + row * width + k))) {
                row = r;
            }
        }
        let pivot = read_w(at + row * width + k);
        determinant *= select(pivot, -pivot, row != k);
        storageBarrier();
        for (var c = k + thread; c < k + width; c += 64u) {
            if (c < width && row != k) {
                let swapped = read_w(at + k * width + c);
                write_w(at + k * width + c, read_w(at + row * width + c));
                write_w(at + row * width + c, swapped);
            }
        }
        storageBarrier();
        for (var c = k + 1u + thread; c < width; c += 64u) {
            let top = read_w(at + k * width + c) / pivot;
            write_w(at + k * width + c, top);
            for (var r = 0u; r < n; r++) {
                if (r != k) {
                    let i = at + r * width + c;
                    write_w(i, read_w(i) - read_w(at + r * width + k) * top);
                }
            }
        }
    }
    storageBarrier();
    for (var c = thread; c < n; c += 64u) {
        for (var r = 0u; r < n; r++) {
            store_y(o * n * n + r * n + c, read_w(at + r * width + n + c));
        }
    }
    if (thread == 0u) {
        store_d(o, determinant);
    }
}
