// y = sum over i of x[i] where label[i] >= 0, divided by the number of those labels (by 1 if there is none), and
// scale = 1 / that number. One workgroup takes them all, or one of many parts, left as (sum, number) for a second pass
// with PARTS = 2. PARTS = 0: one pass; 1: the first of two.

fn run(workgroup: u32, thread: u32) {
    let part = workgroup;
    let first = part * p.part;
    let last = min(first + p.part, p.n);
    var sum = T(0);
    var count = T(0);
    for (var i = first + thread; i < last; i += 256u) {
        if (PARTS == 2u) {
            sum += load_x(2u * i);
            count += load_x(2u * i + 1u);
        } else if (load_label(i) >= T(0)) {
            sum += load_x(i);
            count += T(1);
        }
    }
    let all = together_pair(thread, vec2<T>(sum, count));
    if (thread != 0u || first >= p.n) {
        return;
    }
    if (PARTS == 1u) {
        store_y(2u * part, all.x);
        store_y(2u * part + 1u, all.y);
    } else {
        let scale = T(1) / max(all.y, T(1));
        store_y(0u, all.x * scale);
        store_scale(0u, scale);
    }
}
