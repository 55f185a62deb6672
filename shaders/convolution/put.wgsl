// Images, a row of them or more for each group, take the results.
fn put(z: u32, part: u32, row: u32, column: u32, value: T) {
    if (PHASED == 0u) {
        deliver(part, (column / p.columns) * p.outputs + z * p.m + row, column % p.columns, value);
        return;
    }
    let f = phase(z);
    let area = f.count.x * f.count.y * f.count.z;
    // Phases differ in the number of their positions; the columns are those of the largest.
    if (column >= area * p.images) {
        return;
    }
    let at = unravel(column % area, f.count) * vec3<u32>(p.apart0, p.apart1, p.apart2) + f.shift;
    let position = (at.x * p.length1 + at.y) * p.length2 + at.z;
    deliver(part, (column / area) * p.outputs + group_of(z) * p.m + row, position, value);
}
