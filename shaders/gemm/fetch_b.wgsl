// Four rows of b at four steps, element by element: a vector over the rows for each step, zero past the last step.

fn fetch_b(r0: RowB, r1: RowB, r2: RowB, r3: RowB, start: Place, k: u32, last: u32) -> mat4x4<T> {
    var m = mat4x4<T>();
    var q = start;
    if (k < last) {
        let s = step_b(q);
        m[0] = vec4<T>(take_b(r0, s), take_b(r1, s), take_b(r2, s), take_b(r3, s));
    }
    q = next(q);
    if (k + 1u < last) {
        let s = step_b(q);
        m[1] = vec4<T>(take_b(r0, s), take_b(r1, s), take_b(r2, s), take_b(r3, s));
    }
    q = next(q);
    if (k + 2u < last) {
        let s = step_b(q);
        m[2] = vec4<T>(take_b(r0, s), take_b(r1, s), take_b(r2, s), take_b(r3, s));
    }
    q = next(q);
    if (k + 3u < last) {
        let s = step_b(q);
        m[3] = vec4<T>(take_b(r0, s), take_b(r1, s), take_b(r2, s), take_b(r3, s));
    }
    return m;
}
