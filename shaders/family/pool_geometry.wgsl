// How windows lie on images of up to three sides; shorter ones have sides of 1 in front.

fn ksize() -> vec3<i32> {
    return vec3<i32>(vec3<u32>(p.k0, p.k1, p.k2));
}

fn stride() -> vec3<i32> {
    return vec3<i32>(vec3<u32>(p.stride0, p.stride1, p.stride2));
}

fn padding() -> vec3<i32> {
    return vec3<i32>(vec3<u32>(p.pad0, p.pad1, p.pad2));
}

fn image() -> vec3<i32> {
    return vec3<i32>(vec3<u32>(p.in0, p.in1, p.in2));
}

fn pooled_image() -> vec3<i32> {
    return vec3<i32>(vec3<u32>(p.out0, p.out1, p.out2));
}

// The place of a pixel in an image of these sides.
fn place(c: vec3<i32>, sides: vec3<i32>) -> u32 {
    return u32((c.x * sides.y + c.y) * sides.z + c.z);
}

// The pixel of a place, and in w the number of the image.
fn pixel(i: u32, sides: vec3<i32>) -> vec4<u32> {
    let s = vec3<u32>(sides);
    let line = i / s.z;
    let plane = line / s.y;
    let number = plane / s.x;
    return vec4<u32>(plane - number * s.x, line - plane * s.y, i - line * s.z, number);
}

// The last window that begins at the pixel at `c` or before it, padding included in its place.
fn window_over(c: vec3<i32>) -> vec3<i32> {
    return vec3<i32>(vec3<u32>(c) / vec3<u32>(stride()));
}

// The weight of a window's pixels, for a window from `first` on. WEIGHT 0: one; 1: one over its size; 2: one over the
// number of its pixels that are no padding.
fn weight(first: vec3<i32>) -> T {
    if (WEIGHT == 0u) {
        return T(1);
    }
    var sides = ksize();
    if (WEIGHT == 2u) {
        sides = min(first + sides, image()) - max(first, vec3<i32>(0));
    }
    return T(1) / T(max(sides.x * sides.y * sides.z, 1));
}
