// Whole tiles side by side: (row, pixel, tile).

fn deliver(row: u32, column: u32, x: u32, quad: u32, f: array<vec4<T>, 16>) {
    let to = (row * 256u + x) * p.pitch + column;
    let apart = 16u * p.pitch;
    store4(to, f[0] * SCALE);
    store4(to + apart, f[1] * SCALE);
    store4(to + 2u * apart, f[2] * SCALE);
    store4(to + 3u * apart, f[3] * SCALE);
    store4(to + 4u * apart, f[4] * SCALE);
    store4(to + 5u * apart, f[5] * SCALE);
    store4(to + 6u * apart, f[6] * SCALE);
    store4(to + 7u * apart, f[7] * SCALE);
    store4(to + 8u * apart, f[8] * SCALE);
    store4(to + 9u * apart, f[9] * SCALE);
    store4(to + 10u * apart, f[10] * SCALE);
    store4(to + 11u * apart, f[11] * SCALE);
    store4(to + 12u * apart, f[12] * SCALE);
    store4(to + 13u * apart, f[13] * SCALE);
    store4(to + 14u * apart, f[14] * SCALE);
    store4(to + 15u * apart, f[15] * SCALE);
}
