// Regions of images: which pixels their cells have, and what pixels weigh in samples of them. Corners are reals in
// pixels, a before b; i counts the elements of the result.

// A position from 0 to the side; 0 for NaN.
fn region_clamp(v: T, side: T) -> T {
    return min(select(T(0), v, v > T(0)), side);
}

// The first pixel of a cell, or one past its last: the region's rounded corners in n equal parts. In whole numbers but
// for half a unit, so that no rounding moves an edge.
fn f_region_edge(a: T, b: T, n: u32, side: u32, more: u32, i: u32) -> T {
    let cell = T((i / 2u) % n);
    let first = round(a);
    let length = max(round(b) - first + T(more), T(1));
    let low = floor((cell * length + T(0.5)) / T(n));
    let high = floor(((cell + T(1)) * length + T(n) - T(0.5)) / T(n));
    return region_clamp(first + select(low, high, i % 2u == 1u), T(side));
}

// What a pixel weighs in the mean of a cell.
fn f_region_share(first: T, last: T, side: u32, i: u32) -> T {
    let pixel = T(i % side);
    return select(T(0), T(1) / (last - first), pixel >= first && pixel < last);
}

// What a pixel weighs in the mean of a cell's samples, of which there are n, or one for each pixel of the cell.
fn f_region_weight(a: T, b: T, cells: u32, side: u32, n: u32, i: u32) -> T {
    let pixel = T(i % side);
    let far = T(side - 1u);
    let length = max(b - a, T(1)) / T(cells);
    let count = select(T(n), ceil(length), n == 0u);
    let step = length / count;
    let start = a + T((i / side) % cells) * length;
    // Samples that have this pixel as a neighbour, and one more at either end.
    let low = select(pixel - T(1), T(-1), pixel == T(0));
    let high = select(pixel + T(1), T(side), pixel == far);
    let first = max(floor((low - start) / step - T(1.5)), T(0));
    let last = min(ceil((high - start) / step + T(0.5)), count);
    var sum = T(0);
    for (var k = 0; k < 4096; k++) {
        let s = first + T(k);
        if (!(s < last)) {
            break;
        }
        let at = start + (s + T(0.5)) * step;
        let weight = max(T(1) - abs(min(max(at, T(0)), far) - pixel), T(0));
        sum += select(T(0), weight, at >= T(-1) && at <= T(side));
    }
    return sum / count;
}

// The first pixel that a cell's samples touch, and one past the last.
fn f_region_span(a: T, b: T, cells: u32, side: u32, i: u32) -> T {
    let length = max(b - a, T(1)) / T(cells);
    let start = a + T((i / 2u) % cells) * length;
    let low = min(floor(start), T(side - 1u));
    return region_clamp(select(low, floor(start + length) + T(2), i % 2u == 1u), T(side));
}

// The place in the image of one of the four pixels round a sample; -1 where there is no sample.
fn f_region_place(y: T, x: T, down: u32, right: u32, height: u32, width: u32) -> T {
    let row = min(floor(y) + T(down), T(height - 1u));
    let column = min(floor(x) + T(right), T(width - 1u));
    return select(T(-1), row * T(width) + column, y >= T(0));
}

// What that pixel weighs in it.
fn f_region_part(y: T, x: T, down: u32, right: u32) -> T {
    let dy = y - floor(y);
    let dx = x - floor(x);
    return select(T(1) - dy, dy, down == 1u) * select(T(1) - dx, dx, right == 1u);
}
