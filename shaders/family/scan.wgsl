// y[o, r] = a[o, r] * y[o, r - 1] + b[o, r], from y[o, -1] = p.start on: THREADS threads share a row.
//
// Each thread runs over a stretch of its row, which takes y to factor * y + sum; stretches are then put together in pairs.
// KIND 0: all of a is one, a running sum. KIND 1: all of b is zero, a running product. KIND 2: both are read.

var<workgroup> factors: array<T, 256>;
var<workgroup> sums: array<T, 256>;

fn factor_at(o: u32, r: u32) -> T {
    if (KIND == 0u) {
        return T(1);
    }
    return load_a(o, r);
}

fn next(y: T, factor: T, sum: T) -> T {
    if (KIND == 0u) {
        return y + sum;
    }
    return y * factor + sum;
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % THREADS;
    let o = (group.y * groups.x + group.x) * (256u / THREADS) + thread / THREADS;
    let stretch = (p.length + THREADS - 1u) / THREADS;
    let first = min(lane * stretch, p.length);
    let last = select(first, min(first + stretch, p.length), o < p.rows);
    var factor = T(1);
    var sum = T(0);
    for (var r = first; r < last; r++) {
        let a = factor_at(o, r);
        factor *= a;
        // A running product has no sums: among them 0 * inf would be NaN.
        if (KIND != 1u) {
            sum = next(sum, a, load_b(o, r));
        }
    }
    factors[thread] = factor;
    sums[thread] = sum;
    workgroupBarrier();
    for (var step = 1u; step < THREADS; step *= 2u) {
        var before = T(1);
        var sum_before = T(0);
        if (lane >= step) {
            before = factors[thread - step];
            sum_before = sums[thread - step];
        }
        workgroupBarrier();
        if (KIND != 1u) {
            sum = next(sum_before, factor, sum);
        }
        factor *= before;
        factors[thread] = factor;
        sums[thread] = sum;
        workgroupBarrier();
    }
    var y = T(p.start);
    if (lane > 0u && KIND == 1u) {
        y = y * factors[thread - 1u];
    } else if (lane > 0u) {
        y = next(y, factors[thread - 1u], sums[thread - 1u]);
    }
    for (var r = first; r < last; r++) {
        if (KIND == 1u) {
            y = y * load_a(o, r);
        } else {
            y = next(y, factor_at(o, r), load_b(o, r));
        }
        store_y(o * p.length + r, y);
    }
}
