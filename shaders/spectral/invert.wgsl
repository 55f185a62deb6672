// The tiles of products m[position, row, column] of spectra, delivered by columns of pixels.

// The complex product from its three parts, swapped.
fn product(position: u32, row: u32, column: u32) -> Complex {
    let a = load4_m(base_m(position * p.rows + row), column);
    let b = load4_m(base_m((position + 144u) * p.rows + row), column);
    let c = load4_m(base_m((position + 288u) * p.rows + row), column);
    return Complex(c - a - b, a - b);
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
    if (row < p.rows && thread < 9u * QUADS) {
        let y = thread / QUADS;
        let quad = thread % QUADS;
        // What lies past the last column is of no tile.
        let column = min(first + 4u * quad, p.pitch - 4u);
        let k = y * 16u;
        let f = fourier16(array<Complex, 16>(
            product(k, row, column), product(k + 1u, row, column), product(k + 2u, row, column),
            product(k + 3u, row, column), product(k + 4u, row, column), product(k + 5u, row, column),
            product(k + 6u, row, column), product(k + 7u, row, column), product(k + 8u, row, column),
            product(k + 9u, row, column), product(k + 10u, row, column), product(k + 11u, row, column),
            product(k + 12u, row, column), product(k + 13u, row, column), product(k + 14u, row, column),
            product(k + 15u, row, column),
        ));
        let z = line(y, 0u, quad);
        lines[z] = swapped(f[0]);
        lines[z + QUADS] = swapped(f[1]);
        lines[z + 2u * QUADS] = swapped(f[2]);
        lines[z + 3u * QUADS] = swapped(f[3]);
        lines[z + 4u * QUADS] = swapped(f[4]);
        lines[z + 5u * QUADS] = swapped(f[5]);
        lines[z + 6u * QUADS] = swapped(f[6]);
        lines[z + 7u * QUADS] = swapped(f[7]);
        lines[z + 8u * QUADS] = swapped(f[8]);
        lines[z + 9u * QUADS] = swapped(f[9]);
        lines[z + 10u * QUADS] = swapped(f[10]);
        lines[z + 11u * QUADS] = swapped(f[11]);
        lines[z + 12u * QUADS] = swapped(f[12]);
        lines[z + 13u * QUADS] = swapped(f[13]);
        lines[z + 14u * QUADS] = swapped(f[14]);
        lines[z + 15u * QUADS] = swapped(f[15]);
    }
    workgroupBarrier();
    let x = thread % 16u;
    let quad = thread / 16u;
    let column = first + 4u * quad;
    if (row >= p.rows || x >= p.extent_x || column >= p.pitch) {
        return;
    }
    let f = real_of_fourier(array<Complex, 9>(
        lines[line(0u, x, quad)], lines[line(1u, x, quad)], lines[line(2u, x, quad)], lines[line(3u, x, quad)],
        lines[line(4u, x, quad)], lines[line(5u, x, quad)], lines[line(6u, x, quad)], lines[line(7u, x, quad)],
        lines[line(8u, x, quad)],
    ));
    deliver(row, column, x, quad, f);
}
