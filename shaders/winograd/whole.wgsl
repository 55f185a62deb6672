// Whole tiles side by side: (row, pixel, tile).

fn deliver(row: u32, column: u32, thread: u32, y: u32, x: Six) {
    let to = (row * 36u + 6u * y) * p.pitch + column;
    store4(to, x.a);
    store4(to + p.pitch, x.b);
    store4(to + 2u * p.pitch, x.c);
    store4(to + 3u * p.pitch, x.d);
    store4(to + 4u * p.pitch, x.e);
    store4(to + 5u * p.pitch, x.f);
}

fn finish(row: u32, column: u32, thread: u32) {}
