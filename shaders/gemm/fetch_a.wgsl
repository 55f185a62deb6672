// Four rows of a at four steps, element by element: a vector over the rows for each step, zero past the last step.

fn fetch_a(r0: RowA, r1: RowA, r2: RowA, r3: RowA, start: Place, k: u32, last: u32) -> mat4x4<T> {
    var m = mat4x4<T>();
    var q = start;
    if (k < last) {
        let s = step_a(q);
        m[0] = vec4<T>(take_a(r0, s), take_a(r1, s), take_a(r2, s), take_a(r3, s));
    }
    q = next(q);
    if (k + 1u < last) {
        let s = step_a(q);
        m[1] = vec4<T>(take_a(r0, s), take_a(r1, s), take_a(r2, s), take_a(r3, s));
    }
    q = next(q);
    if (k + 2u < last) {
        let s = step_a(q);
        m[2] = vec4<T>(take_a(r0, s), take_a(r1, s), take_a(r2, s), take_a(r3, s));
    }
    q = next(q);
    if (k + 3u < last) {
        let s = step_a(q);
        m[3] = vec4<T>(take_a(r0, s), take_a(r1, s), take_a(r2, s), take_a(r3, s));
    }
    return m;
}
