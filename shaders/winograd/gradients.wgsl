// Lines of results' gradients: by 1 0 0 0; 1 1 1 1; 1 -1 1 -1; 1 2 4 8; 1 -2 4 -8; 0 0 0 1.

const LENGTH: u32 = 4u;

fn along(x: Six) -> Six {
    let even = x.a + x.c;
    let odd = x.b + x.d;
    let far = x.a + 4.0 * x.c;
    let steep = 2.0 * x.b + 8.0 * x.d;
    return Six(x.a, even + odd, even - odd, far + steep, far - steep, x.d);
}
