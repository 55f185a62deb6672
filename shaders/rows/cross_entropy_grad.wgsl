// y[o, r] = (exp(x[o, r] - sum[o]) - (1 where r is label[o], with HOT = 1)) * factor[o * p.step], 0 where label[o] is
// negative.
//
// THREADS threads share a row; 256 / THREADS rows share a workgroup. Each element is read once and written once.

fn run(workgroup: u32, thread: u32) {
    let lane = thread % THREADS;
    let o = workgroup * (256u / THREADS) + thread / THREADS;
    if (o >= p.rows) {
        return;
    }
    let sum = load_sum(o);
    let label = load_label(o);
    let factor = load_factor(o * p.step);
    let base = o * p.length;
    // By four as far as a row is one thread's.
    let begin = select(0u, p.length / 4u * 4u, THREADS == 1u);
    for (var r = 0u; r < begin; r += 4u) {
        let y = value4(load4_x(o, r), vec4<T>(T(r), T(r + 1u), T(r + 2u), T(r + 3u)), sum, label, factor);
        store_y(base + r, y.x);
        store_y(base + r + 1u, y.y);
        store_y(base + r + 2u, y.z);
        store_y(base + r + 3u, y.w);
    }
    for (var r = begin + lane; r < p.length; r += THREADS) {
        store_y(base + r, value4(vec4<T>(load_x(o, r)), vec4<T>(T(r)), sum, label, factor).x);
    }
}

fn value4(x: vec4<T>, r: vec4<T>, sum: T, label: T, factor: T) -> vec4<T> {
    var p = exp(x - vec4<T>(sum));
    if (HOT == 1u) {
        p -= select(vec4<T>(), vec4<T>(T(1)), r == vec4<T>(label));
    }
    return select(p * factor, vec4<T>(), vec4<bool>(label < T(0)));
}
