// Four rows of b at four steps by four vectors, along k or along the rows as memory has them; the number of steps or of
// rows is a multiple of four. Steps past the last are zero, without a branch for each: the last one is loaded again.

fn fetch_b(r0: RowB, r1: RowB, r2: RowB, r3: RowB, start: Place, k: u32, last: u32) -> mat4x4<T> {
    var m = mat4x4<T>();
    if (k < last) {
        if (B_ALONG_K == 1u) {
            m = transpose(mat4x4<T>(load4_b(r0, k), load4_b(r1, k), load4_b(r2, k), load4_b(r3, k)));
        } else {
            let end = last - 1u;
            let none = vec4<T>();
            m[0] = load4_b(r0, k);
            m[1] = select(none, load4_b(r0, min(k + 1u, end)), k + 1u < last);
            m[2] = select(none, load4_b(r0, min(k + 2u, end)), k + 2u < last);
            m[3] = select(none, load4_b(r0, min(k + 3u, end)), k + 3u < last);
        }
    }
    return m;
}
