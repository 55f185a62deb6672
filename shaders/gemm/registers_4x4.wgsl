// A tile of 4 by 4 results in registers.

const TILE_M: u32 = 4u;
const TILE_N: u32 = 4u;

struct Tile {
    c00: vec4<T>,
    c10: vec4<T>,
    c20: vec4<T>,
    c30: vec4<T>,
}

fn multiply(start: Tile, d: u32, x: u32, y: u32) -> Tile {
    var c = start;
    let u0 = tile_a[d * STRIDE_A + y];
    let v0 = tile_b[d * STRIDE_B + x];
    c.c00 += u0.x * v0;
    c.c10 += u0.y * v0;
    c.c20 += u0.z * v0;
    c.c30 += u0.w * v0;
    return c;
}

fn finish(c: Tile, z: u32, part: u32, row: u32, column: u32, x: u32, y: u32) {
    let r = row + y * 4u;
    let s = column + x * 4u;
    put4(z, part, r, s, c.c00);
    put4(z, part, r + 1u, s, c.c10);
    put4(z, part, r + 2u, s, c.c20);
    put4(z, part, r + 3u, s, c.c30);
}
