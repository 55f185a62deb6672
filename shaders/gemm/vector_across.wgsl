// As vector.wgsl, for software adapters and a matrix whose neighbours lie along its rows' numbers: a thread for four times
// four rows, as far apart as its neighbours reach.

fn put_rows(z: u32, part: u32, row: u32, sums: vec4<T>) {
    if (row < p.m) {
        put(z, part, row, 0u, sums.x);
        put(z, part, row + 1u, 0u, sums.y);
        put(z, part, row + 2u, 0u, sums.z);
        put(z, part, row + 3u, 0u, sums.w);
    }
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = group.y * groups.x + group.x;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    let row = (id % p.tiles) * 128u + 4u * thread;
    let last = min((part + 1u) * p.part, p.k);
    // What lies past the last row is read there, and not stored.
    let first = z * p.m;
    let end = p.m - 4u;
    let w0 = base_w(first + min(row, end));
    let w1 = base_w(first + min(row + 32u, end));
    let w2 = base_w(first + min(row + 64u, end));
    let w3 = base_w(first + min(row + 96u, end));
    let x = base_x(z);
    var s0 = vec4<T>();
    var s1 = vec4<T>();
    var s2 = vec4<T>();
    var s3 = vec4<T>();
    for (var k = part * p.part; k < last; k++) {
        let v = load_x(x, k);
        s0 += v * load4_w(w0, k);
        s1 += v * load4_w(w1, k);
        s2 += v * load4_w(w2, k);
        s3 += v * load4_w(w3, k);
    }
    put_rows(z, part, row, s0);
    put_rows(z, part, row + 32u, s1);
    put_rows(z, part, row + 64u, s2);
    put_rows(z, part, row + 96u, s3);
}
