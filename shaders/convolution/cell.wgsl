// An element of an image, or zero where a window lies over the image's edge: AXES axes are looked at, the last first.

struct Entry {
    offset: u32,
    away: vec3<i32>,
}

fn entry(at: u32) -> Entry {
    var e = Entry(u32(get_table(at * WIDTH)), vec3<i32>(0));
    if (AXES > 0u) {
        e.away.z = get_table(at * WIDTH + 1u + WEIGHTED);
    }
    if (AXES > 1u) {
        e.away.y = get_table(at * WIDTH + 2u + WEIGHTED);
    }
    if (AXES > 2u) {
        e.away.x = get_table(at * WIDTH + 3u + WEIGHTED);
    }
    return e;
}

fn cell(position: u32, at: vec3<i32>) -> T {
    if (AXES == 0u) {
        return read_s(position);
    }
    // Below zero is far above as an unsigned number.
    var inside = u32(at.z) < p.size2;
    if (AXES > 1u) {
        inside = inside && u32(at.y) < p.size1;
    }
    if (AXES > 2u) {
        inside = inside && u32(at.x) < p.size0;
    }
    return select(T(0), read_s(select(0u, position, inside)), inside);
}
