// A tile of 8 by 8 results in registers: halves of four rows and columns, so that neighbouring threads read neighbouring vectors.

const TILE_M: u32 = 8u;
const TILE_N: u32 = 8u;

struct Tile {
    c00: vec4<T>, c01: vec4<T>,
    c10: vec4<T>, c11: vec4<T>,
    c20: vec4<T>, c21: vec4<T>,
    c30: vec4<T>, c31: vec4<T>,
    c40: vec4<T>, c41: vec4<T>,
    c50: vec4<T>, c51: vec4<T>,
    c60: vec4<T>, c61: vec4<T>,
    c70: vec4<T>, c71: vec4<T>,
}

fn multiply(start: Tile, d: u32, x: u32, y: u32) -> Tile {
    var c = start;
    let u0 = tile_a[d * STRIDE_A + y];
    let u1 = tile_a[d * STRIDE_A + y + ROWS_A / 2u];
    let v0 = tile_b[d * STRIDE_B + x];
    let v1 = tile_b[d * STRIDE_B + x + ROWS_B / 2u];
    c.c00 += u0.x * v0;
    c.c01 += u0.x * v1;
    c.c10 += u0.y * v0;
    c.c11 += u0.y * v1;
    c.c20 += u0.z * v0;
    c.c21 += u0.z * v1;
    c.c30 += u0.w * v0;
    c.c31 += u0.w * v1;
    c.c40 += u1.x * v0;
    c.c41 += u1.x * v1;
    c.c50 += u1.y * v0;
    c.c51 += u1.y * v1;
    c.c60 += u1.z * v0;
    c.c61 += u1.z * v1;
    c.c70 += u1.w * v0;
    c.c71 += u1.w * v1;
    return c;
}

fn finish(c: Tile, z: u32, part: u32, row: u32, column: u32, x: u32, y: u32) {
    let r = row + y * 4u;
    let s = column + x * 4u;
    put4(z, part, r, s, c.c00);
    put4(z, part, r, s + BLOCK_N / 2u, c.c01);
    put4(z, part, r + 1u, s, c.c10);
    put4(z, part, r + 1u, s + BLOCK_N / 2u, c.c11);
    put4(z, part, r + 2u, s, c.c20);
    put4(z, part, r + 2u, s + BLOCK_N / 2u, c.c21);
    put4(z, part, r + 3u, s, c.c30);
    put4(z, part, r + 3u, s + BLOCK_N / 2u, c.c31);
    put4(z, part, r + BLOCK_M / 2u, s, c.c40);
    put4(z, part, r + BLOCK_M / 2u, s + BLOCK_N / 2u, c.c41);
    put4(z, part, r + 1u + BLOCK_M / 2u, s, c.c50);
    put4(z, part, r + 1u + BLOCK_M / 2u, s + BLOCK_N / 2u, c.c51);
    put4(z, part, r + 2u + BLOCK_M / 2u, s, c.c60);
    put4(z, part, r + 2u + BLOCK_M / 2u, s + BLOCK_N / 2u, c.c61);
    put4(z, part, r + 3u + BLOCK_M / 2u, s, c.c70);
    put4(z, part, r + 3u + BLOCK_M / 2u, s + BLOCK_N / 2u, c.c71);
}
