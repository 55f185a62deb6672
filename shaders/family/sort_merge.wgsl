// One step of bitonic merging of (key, id) to runs of p.size: elements p.apart from each other are put in order.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let e = (group.y * groups.x + group.x) * 256u + thread;
    if (e >= p.n) {
        return;
    }
    let a = 2u * p.apart * (e / p.apart) + e % p.apart;
    let b = a + p.apart;
    let key_a = get_key(a);
    let key_b = get_key(b);
    let id_a = get_id(a);
    let id_b = get_id(b);
    let after = (key_a > key_b) || ((key_a == key_b) && (id_a > id_b));
    let rising = (((p.first + a) % p.padded) & p.size) == 0u;
    if (after == rising) {
        put_key(a, key_b);
        put_key(b, key_a);
        put_id(a, id_b);
        put_id(b, id_a);
    }
}
