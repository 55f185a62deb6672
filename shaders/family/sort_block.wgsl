// Bitonic sorting of (key, id) within blocks of 512: with WHOLE = 1 all of it up to runs of p.size, else the last steps
// of merging to runs of p.size. Runs rise and fall in turns; rows have p.padded elements, a power of two.

var<workgroup> block_keys: array<i32, 512>;
var<workgroup> block_ids: array<i32, 512>;

fn exchange(base: u32, half: u32, size: u32, thread: u32) {
    let a = 2u * half * (thread / half) + thread % half;
    let b = a + half;
    let after = (block_keys[a] > block_keys[b]) || ((block_keys[a] == block_keys[b]) && (block_ids[a] > block_ids[b]));
    let rising = (((p.first + base + a) % p.padded) & size) == 0u;
    if (after == rising) {
        let key = block_keys[a];
        block_keys[a] = block_keys[b];
        block_keys[b] = key;
        let id = block_ids[a];
        block_ids[a] = block_ids[b];
        block_ids[b] = id;
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let base = (group.y * groups.x + group.x) * 512u;
    for (var part = 0u; part < 512u; part += 256u) {
        let at = base + part + thread;
        block_keys[part + thread] = 0;
        block_ids[part + thread] = 0;
        if (at < p.n) {
            block_keys[part + thread] = get_key(at);
            block_ids[part + thread] = get_id(at);
        }
    }
    workgroupBarrier();
    for (var size = select(p.size, 2u, WHOLE == 1u); size <= p.size; size *= 2u) {
        for (var half = min(size / 2u, 256u); half > 0u; half /= 2u) {
            exchange(base, half, size, thread);
            workgroupBarrier();
        }
    }
    for (var part = 0u; part < 512u; part += 256u) {
        let at = base + part + thread;
        if (at < p.n) {
            put_key(at, block_keys[part + thread]);
            put_id(at, block_ids[part + thread]);
        }
    }
}
