// Lines of pixels' gradients: by 4 0 0 0 0 0; 0 -4 4 -2 2 4; -5 -4 -4 -1 -1 0; 0 1 -1 2 -2 -5; 1 1 1 1 1 0; 0 0 0 0 0 1.

const LENGTH: u32 = 6u;

fn along(x: Six) -> Six {
    let near = x.b + x.c;
    let far = x.d + x.e;
    let slope = x.b - x.c;
    let steep = 2.0 * (x.d - x.e);
    return Six(
        4.0 * x.a,
        4.0 * (x.f - slope) - steep,
        -5.0 * x.a - 4.0 * near - far,
        slope + steep - 5.0 * x.f,
        x.a + near + far,
        x.f,
    );
}
