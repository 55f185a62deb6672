// Lines of pixels: by 4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1.

const LENGTH: u32 = 6u;

fn along(x: Six) -> Six {
    let even = x.e - 4.0 * x.c;
    let odd = x.d - 4.0 * x.b;
    let near = x.e - x.c;
    let far = 2.0 * (x.d - x.b);
    return Six(
        4.0 * x.a - 5.0 * x.c + x.e,
        even + odd,
        even - odd,
        near + far,
        near - far,
        4.0 * x.b - 5.0 * x.d + x.f,
    );
}
