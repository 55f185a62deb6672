// Four rows of a at four steps by four vectors, along k or along the rows as memory has them; the number of steps or of
// rows is a multiple of four. Steps past the last are zero, without a branch for each: the last one is loaded again.

fn fetch_a(r0: RowA, r1: RowA, r2: RowA, r3: RowA, start: Place, k: u32, last: u32) -> mat4x4<T> {
    var m = mat4x4<T>();
    if (k < last) {
        if (A_ALONG_K == 1u) {
            m = transpose(mat4x4<T>(load4_a(r0, k), load4_a(r1, k), load4_a(r2, k), load4_a(r3, k)));
        } else {
            let end = last - 1u;
            let none = vec4<T>();
            m[0] = load4_a(r0, k);
            m[1] = select(none, load4_a(r0, min(k + 1u, end)), k + 1u < last);
            m[2] = select(none, load4_a(r0, min(k + 2u, end)), k + 2u < last);
            m[3] = select(none, load4_a(r0, min(k + 3u, end)), k + 3u < last);
        }
    }
    return m;
}
