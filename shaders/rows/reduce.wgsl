// y[o] = combine over r of x[o, r]: one workgroup for a row, or for one of `parts` parts of it. Elements are
// read once, and nothing but the results is written.

fn run(workgroup: u32, thread: u32) {
    let row = workgroup;
    if (row >= p.rows) {
        return;
    }
    let o = row / p.parts;
    let first = (row % p.parts) * p.part;
    let last = min(first + p.part, p.length);
    // Every thread that has an element starts from one, so that no neutral value is needed.
    let count = last - min(first, last);
    var sum = T(0);
    if (thread < count) {
        sum = load_x(o, first + thread);
        for (var r = first + thread + 256u; r < last; r += 256u) {
            sum = combine(sum, load_x(o, r));
        }
    }
    if (REDUCTION == 0u) {
        sum = together(thread, sum);
    } else {
        shared_values[thread] = sum;
        workgroupBarrier();
        for (var half = 128u; half > 0u; half /= 2u) {
            if (thread < half && thread + half < count) {
                shared_values[thread] = combine(shared_values[thread], shared_values[thread + half]);
            }
            workgroupBarrier();
        }
        sum = shared_values[0];
    }
    if (thread == 0u) {
        // The product of nothing is one; every other empty reduction that is allowed is zero.
        store(row, select(sum, select(T(0), T(1), REDUCTION == 1u), count == 0u));
    }
}
