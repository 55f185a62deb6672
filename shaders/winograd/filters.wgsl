// Lines of filters: by 1/4 0 0; -1/6 -1/6 -1/6; -1/6 1/6 -1/6; 1/24 1/12 1/6; 1/24 -1/12 1/6; 0 0 1.

const LENGTH: u32 = 3u;

fn along(x: Six) -> Six {
    let outer = (x.a + x.c) * (-1.0 / 6.0);
    let inner = x.b * (1.0 / 6.0);
    let wide = x.a * (1.0 / 24.0) + x.c * (1.0 / 6.0);
    let half = x.b * (1.0 / 12.0);
    return Six(x.a * 0.25, outer - inner, outer + inner, wide + half, wide - half, x.c);
}
