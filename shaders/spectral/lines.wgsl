// Tiles in columns: QUADS fours of them a workgroup, each by 16 threads, with their lines in the workgroup's memory.

// (frequency or pair of rows, pixel of the line, four)
var<workgroup> lines: array<Complex, 144 * QUADS>;

fn line(y: u32, x: u32, quad: u32) -> u32 {
    return (y * 16u + x) * QUADS + quad;
}
