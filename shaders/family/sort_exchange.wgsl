// One step of bitonic merging of (key, id) between two parts of a row: elements at the same place are put in order.

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
    let key_a = get_key(e);
    let key_b = get_later_key(e);
    let id_a = get_id(e);
    let id_b = get_later_id(e);
    let after = (key_a > key_b) || ((key_a == key_b) && (id_a > id_b));
    if (after == (p.rising == 1u)) {
        put_key(e, key_b);
        put_later_key(e, key_a);
        put_id(e, id_b);
        put_later_id(e, id_a);
    }
}
