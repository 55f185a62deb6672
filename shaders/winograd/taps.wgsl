// Lines of filters' gradients: by 1/4 -1/6 -1/6 1/24 1/24 0; 0 -1/6 1/6 1/12 -1/12 0; 0 -1/6 -1/6 1/6 1/6 1.

const LENGTH: u32 = 3u;

fn along(x: Six) -> Six {
    let near = (x.b + x.c) * (1.0 / 6.0);
    let far = (x.d + x.e) * (1.0 / 6.0);
    let slope = (x.c - x.b) * (1.0 / 6.0);
    let steep = (x.d - x.e) * (1.0 / 12.0);
    return Six(x.a * 0.25 - near + far * 0.25, slope + steep, far - near + x.f, vec4<T>(), vec4<T>(), vec4<T>());
}
