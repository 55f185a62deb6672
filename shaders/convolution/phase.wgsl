// Windows of the images of one z: a group, and where the results of a strided gradient fall into phases, one of those.
//
// Where PHASED = 1 the table ends with eight words for each phase: its first entry, its steps, how many positions it has
// along each axis and where they begin; else there is one phase, whose positions are those of all windows.

struct Phase {
    first: u32,
    steps: u32,
    count: vec3<u32>,
    shift: vec3<u32>,
}

fn phase(z: u32) -> Phase {
    if (PHASED == 0u) {
        return Phase(0u, p.k, vec3<u32>(p.count0, p.count1, p.count2), vec3<u32>(0u));
    }
    let at = p.phase_table + (z % p.phases) * 8u;
    return Phase(
        u32(get_table(at)),
        u32(get_table(at + 1u)),
        vec3<u32>(u32(get_table(at + 2u)), u32(get_table(at + 3u)), u32(get_table(at + 4u))),
        vec3<u32>(u32(get_table(at + 5u)), u32(get_table(at + 6u)), u32(get_table(at + 7u))),
    );
}

fn group_of(z: u32) -> u32 {
    return select(z, z / p.phases, PHASED == 1u);
}

// The position along each axis of a number below all of them.
fn unravel(number: u32, count: vec3<u32>) -> vec3<u32> {
    return vec3<u32>(number / count.z / count.y, (number / count.z) % count.y, number % count.z);
}
