// key[o, i] orders as x[o, i] does, and id[o, i] = p.first + i, for i below p.padded; what is past the row comes last.
//
// KIND 0: floats, NaN after every number, both zeros equal; 1: signed integers; 2: unsigned ones. DESCENDING turns round.

fn key_of(v: T) -> i32 {
    let bits = bitcast<i32>(v);
    if (KIND == 2u) {
        return bits ^ bitcast<i32>(0x80000000u);
    }
    if (KIND == 1u) {
        return bits;
    }
    if (is_nan(v)) {
        return 0x7fffffff;
    }
    return select(select(bits, bits ^ 0x7fffffff, bits < 0), 0, v == T(0));
}

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
    let i = e % p.padded;
    var key = 0x7fffffff;
    if (i < p.length) {
        key = key_of(load_x(e / p.padded, i));
        if (DESCENDING == 1u) {
            key = -1 - key;
        }
    }
    put_key(e, key);
    put_id(e, i32(p.first + i));
}
