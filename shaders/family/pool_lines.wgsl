// One thread for a line of an image: it goes along the windows over it, each of which has up to four pixels there. For
// software adapters, where a division costs as much as what it would save. p.n counts lines.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 256u + thread;
    if (i >= p.n) {
        return;
    }
    let plane = i / p.in1;
    let number = plane / p.in0;
    let c = vec2<i32>(vec2<u32>(plane % p.in0 + p.pad0, i % p.in1 + p.pad1));
    let k = ksize();
    let s = stride();
    let last = min(vec2<i32>(vec2<u32>(c) / vec2<u32>(s.xy)), pooled_image().xy - 1);
    // The pixels from `at` on, below zero as an unsigned number in the padding.
    var sum = vec4<T>();
    var at = 0u - p.pad2;
    for (var x = 0u; bitcast<i32>(at) < image().z; x++) {
        if (x < p.out2) {
            for (var z = last.x; z >= 0 && c.x - z * s.x < k.x; z--) {
                for (var y = last.y; y >= 0 && c.y - y * s.y < k.y; y--) {
                    sum += shares(number, vec3<i32>(z, y, i32(x)), c);
                }
            }
        }
        for (var j = 0u; j < p.stride2; j++) {
            if (at < p.in2) {
                store(i * p.in2 + at, sum.x);
            }
            sum = vec4<T>(sum.yzw, T(0));
            at += 1u;
        }
    }
}
