// v[position, row, column] = the spectra of tiles: real parts, imaginary parts (with the sign p.sign) and their sums, of 9 by 16
// frequencies. Positions are p.apart from each other. A row has the tiles of one channel of all images, whole fours of columns;
// what follows the last tile is zero.

fn keep(at: u32, z: Complex) {
    let im = z.im * T(p.sign);
    store4(at, z.re);
    store4(at + 144u * p.apart, im);
    store4(at + 288u * p.apart, z.re + im);
}

@compute @workgroup_size(16 * QUADS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let at = group.y * groups.x + group.x;
    let row = at / p.chunks;
    let first = at % p.chunks * (4u * QUADS);
    let x = thread % 16u;
    let four = thread / 16u;
    if (row < p.rows && x < p.extent_x) {
        let begin = p.source + row / p.of_group * p.s_group + row % p.of_group * p.s_row;
        let column = first + 4u * four;
        let t0 = tile_at(column);
        let t1 = following(t0);
        let t2 = following(t1);
        let a = column_of(t0, column, x, begin);
        let b = column_of(t1, column + 1u, x, begin);
        let c = column_of(t2, column + 2u, x, begin);
        let d = column_of(following(t2), column + 3u, x, begin);
        let f = fourier_of_real(array<vec4<T>, 16>(
            pixels(a, b, c, d, 0u), pixels(a, b, c, d, 1u), pixels(a, b, c, d, 2u), pixels(a, b, c, d, 3u),
            pixels(a, b, c, d, 4u), pixels(a, b, c, d, 5u), pixels(a, b, c, d, 6u), pixels(a, b, c, d, 7u),
            pixels(a, b, c, d, 8u), pixels(a, b, c, d, 9u), pixels(a, b, c, d, 10u), pixels(a, b, c, d, 11u),
            pixels(a, b, c, d, 12u), pixels(a, b, c, d, 13u), pixels(a, b, c, d, 14u), pixels(a, b, c, d, 15u),
        ));
        lines[line(0u, x, four)] = f[0];
        lines[line(1u, x, four)] = f[1];
        lines[line(2u, x, four)] = f[2];
        lines[line(3u, x, four)] = f[3];
        lines[line(4u, x, four)] = f[4];
        lines[line(5u, x, four)] = f[5];
        lines[line(6u, x, four)] = f[6];
        lines[line(7u, x, four)] = f[7];
        lines[line(8u, x, four)] = f[8];
    } else {
        lines[line(0u, x, four)] = Complex();
        lines[line(1u, x, four)] = Complex();
        lines[line(2u, x, four)] = Complex();
        lines[line(3u, x, four)] = Complex();
        lines[line(4u, x, four)] = Complex();
        lines[line(5u, x, four)] = Complex();
        lines[line(6u, x, four)] = Complex();
        lines[line(7u, x, four)] = Complex();
        lines[line(8u, x, four)] = Complex();
    }
    workgroupBarrier();
    let y = thread / QUADS;
    let quad = thread % QUADS;
    let column = first + 4u * quad;
    if (row < p.rows && y < 9u && column < p.pitch) {
        let z = line(y, 0u, quad);
        let f = fourier16(array<Complex, 16>(
            lines[z], lines[z + QUADS], lines[z + 2u * QUADS], lines[z + 3u * QUADS],
            lines[z + 4u * QUADS], lines[z + 5u * QUADS], lines[z + 6u * QUADS], lines[z + 7u * QUADS],
            lines[z + 8u * QUADS], lines[z + 9u * QUADS], lines[z + 10u * QUADS], lines[z + 11u * QUADS],
            lines[z + 12u * QUADS], lines[z + 13u * QUADS], lines[z + 14u * QUADS], lines[z + 15u * QUADS],
        ));
        let apart = p.apart;
        let to = y * 16u * apart + row * p.pitch + column;
        keep(to, f[0]);
        keep(to + apart, f[1]);
        keep(to + 2u * apart, f[2]);
        keep(to + 3u * apart, f[3]);
        keep(to + 4u * apart, f[4]);
        keep(to + 5u * apart, f[5]);
        keep(to + 6u * apart, f[6]);
        keep(to + 7u * apart, f[7]);
        keep(to + 8u * apart, f[8]);
        keep(to + 9u * apart, f[9]);
        keep(to + 10u * apart, f[10]);
        keep(to + 11u * apart, f[11]);
        keep(to + 12u * apart, f[12]);
        keep(to + 13u * apart, f[13]);
        keep(to + 14u * apart, f[14]);
        keep(to + 15u * apart, f[15]);
    }
}
