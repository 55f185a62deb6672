// A column of pixels of a tile: where it begins, and its first pixel's row, below zero as an unsigned number above it.
struct Column {
    base: u32,
    y: u32,
    inside: bool,
}

fn column_of(t: Tile, at: u32, x: u32, begin: u32) -> Column {
    let y = t.y * p.step_y - p.pad_y;
    let across = t.x * p.step_x + x - p.pad_x;
    let inside = at < p.columns && across < p.size_x;
    return Column(begin + t.image * p.s_image + y * p.s_y + across * p.s_x, y, inside);
}

fn pixel(c: Column, r: u32) -> T {
    let inside = c.inside && r < p.extent_y && c.y + r < p.size_y;
    return select(T(0), read_x(select(p.source, c.base + r * p.s_y, inside)), inside);
}

fn pixels(a: Column, b: Column, c: Column, d: Column, r: u32) -> vec4<T> {
    return vec4<T>(pixel(a, r), pixel(b, r), pixel(c, r), pixel(d, r));
}
