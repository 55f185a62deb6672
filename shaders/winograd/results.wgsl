// Lines of results: by 1 1 1 1 1 0; 0 1 -1 2 -2 0; 0 1 1 4 4 0; 0 1 -1 8 -8 1.

const LENGTH: u32 = 4u;

fn along(x: Six) -> Six {
    let near = x.b + x.c;
    let far = x.d + x.e;
    let slope = x.b - x.c;
    let steep = x.d - x.e;
    return Six(x.a + near + far, slope + 2.0 * steep, near + 4.0 * far, slope + 8.0 * steep + x.f, vec4<T>(), vec4<T>());
}
