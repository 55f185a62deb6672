// Four rows of b at four steps by four vectors, along k or along the rows as memory has them; the number of steps or of
// rows is a multiple of four. K_WHOLE = 1 says that all four steps are there.

fn fetch_b(r0: RowB, r1: RowB, r2: RowB, r3: RowB, start: Place, k: u32, last: u32) -> mat4x4<T> {
    if (K_WHOLE == 1u) {
        if (B_ALONG_K == 1u) {
            return transpose(mat4x4<T>(load4_b(r0, k), load4_b(r1, k), load4_b(r2, k), load4_b(r3, k)));
        }
        return mat4x4<T>(load4_b(r0, k), load4_b(r0, k + 1u), load4_b(r0, k + 2u), load4_b(r0, k + 3u));
    }
    var m = mat4x4<T>();
    if (B_ALONG_K == 1u) {
        if (k < last) {
            m = transpose(mat4x4<T>(load4_b(r0, k), load4_b(r1, k), load4_b(r2, k), load4_b(r3, k)));
        }
    } else {
        if (k < last) {
            m[0] = load4_b(r0, k);
        }
        if (k + 1u < last) {
            m[1] = load4_b(r0, k + 1u);
        }
        if (k + 2u < last) {
            m[2] = load4_b(r0, k + 2u);
        }
        if (k + 3u < last) {
            m[3] = load4_b(r0, k + 3u);
        }
    }
    return m;
}
