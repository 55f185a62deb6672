// The sums over r of a[o, r] and of a[o, r] * b[o, r], of whole rows or of one of `parts` parts of each.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. A row of the kernel is a part and an output,
// row = j * p.kept + k; its sums are at k * p.count + j, the second ones p.kept * p.count further on.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let wanted = workgroup * (256u / THREADS) + thread / THREADS;
    // Threads past the last row work on it too, so that every thread meets every barrier, and store nothing.
    let row = min(wanted, p.rows * p.parts - 1u);
    let o = row % p.rows;
    let first = (row / p.rows) * p.part;
    let last = min(first + p.part, p.length);
    // By four as far as a row is one thread's.
    let begin = select(first, last - (last - first) % 4u, THREADS == 1u && first % 4u == 0u);
    var sums4 = vec4<T>();
    var dots4 = vec4<T>();
    for (var r = first; r < begin; r += 4u) {
        let a = load4_a(o, r);
        sums4 += a;
        dots4 += a * load4_b(o, r);
    }
    var sums = vec2<T>((sums4.x + sums4.y) + (sums4.z + sums4.w), (dots4.x + dots4.y) + (dots4.z + dots4.w));
    for (var r = begin + lane; r < last; r += THREADS) {
        let a = load_a(o, r);
        sums += vec2<T>(a, a * load_b(o, r));
    }
    sums = together_pair(thread, sums);
    if (lane == 0u && wanted < p.rows * p.parts) {
        let at = (row % p.kept) * p.count + row / p.kept;
        store_y(at, sums.x);
        store_y(at + p.kept * p.count, sums.y);
    }
}
