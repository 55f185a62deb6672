// The sums over r of a[r, o] and of a[r, o] * b[r, o], of whole columns o or of one of `parts` parts of each; a thread takes
// four neighbouring columns of a part. Sums lie as in paired_sums.wgsl.

fn run(workgroup: u32, thread: u32) {
    let fours = (p.kept + 3u) / 4u;
    let id = workgroup * 256u + thread;
    if (id >= fours * p.parts) {
        return;
    }
    let o = id % fours * 4u;
    let part = id / fours;
    let first = part * p.part;
    let last = min(first + p.part, p.length);
    var sums = vec4<T>();
    var dots = vec4<T>();
    if (o + 4u <= p.kept) {
        for (var r = first; r < last; r++) {
            let a = load4_a(r, o);
            sums += a;
            dots += a * load4_b(r, o);
        }
    } else {
        for (var r = first; r < last; r++) {
            for (var k = 0u; o + k < p.kept; k++) {
                let a = load_a(r, o + k);
                sums[k] += a;
                dots[k] += a * load_b(r, o + k);
            }
        }
    }
    for (var k = 0u; k < min(4u, p.kept - o); k++) {
        let at = (o + k) * p.count + part;
        store_y(at, sums[k]);
        store_y(at + p.kept * p.count, dots[k]);
    }
}
