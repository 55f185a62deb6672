// Windows that lie apart: each pixel has one at most.

// What the pixel at `c` gets, if the window at `o` is one and reaches it.
fn share_apart(plane: u32, o: vec3<i32>, c: vec3<i32>) -> T {
    if (all(o < pooled_image()) && all(c - o * stride() < ksize())) {
        return share(plane, o, c);
    }
    return T(0);
}
