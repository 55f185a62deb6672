// Windows of 2 by 2 side by side, which cover images whose lines are multiples of eight: a thread takes four neighbours.

// The four pixels of each of four windows, by their place in the window.
struct Pixels {
    p0: vec4<T>,
    p1: vec4<T>,
    p2: vec4<T>,
    p3: vec4<T>,
}

// The number of the image, and in it the places of the first window's number `i` and of its first pixel.
fn halves(i: u32) -> vec3<u32> {
    let sides = vec3<u32>(pooled_image());
    let line = i / sides.z;
    let depth = line / sides.y;
    let plane = depth / sides.x;
    let at = i - plane * (sides.x * sides.y * sides.z);
    let column = i - line * sides.z;
    // Two lines of pixels for each of windows.
    let pixel = 2u * (line - plane * (sides.x * sides.y)) * p.in2 + 2u * column;
    return vec3<u32>(plane, at, pixel);
}

fn pixels_of(plane: u32, pixel: u32) -> Pixels {
    let a = load4_x(plane, pixel);
    let b = load4_x(plane, pixel + 4u);
    let c = load4_x(plane, pixel + p.in2);
    let d = load4_x(plane, pixel + p.in2 + 4u);
    return Pixels(
        vec4<T>(a.xz, b.xz),
        vec4<T>(a.yw, b.yw),
        vec4<T>(c.xz, d.xz),
        vec4<T>(c.yw, d.yw),
    );
}
