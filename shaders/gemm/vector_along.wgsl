// As vector.wgsl, for software adapters and a matrix whose neighbours lie along k: a thread for a row, four steps at once.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = group.y * groups.x + group.x;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    let row = (id % p.tiles) * 64u + thread;
    if (part >= p.parts || row >= p.m) {
        return;
    }
    let last = min((part + 1u) * p.part, p.k);
    let w = base_w(z * p.m + row);
    let x = base_x(z);
    var k = part * p.part;
    // A line of the cache at a time: neighbouring threads are rows apart.
    var sum = vec4<T>();
    for (; k + 15u < last; k += 16u) {
        let a = load4_w(w, k) * load4_x(x, k);
        let b = load4_w(w, k + 4u) * load4_x(x, k + 4u);
        let c = load4_w(w, k + 8u) * load4_x(x, k + 8u);
        let d = load4_w(w, k + 12u) * load4_x(x, k + 12u);
        sum += (a + b) + (c + d);
    }
    for (; k < last; k += 4u) {
        sum += load4_w(w, k) * load4_x(x, k);
    }
    put(z, part, row, 0u, (sum.x + sum.y) + (sum.z + sum.w));
}
