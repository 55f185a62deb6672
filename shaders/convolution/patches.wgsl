// Operand b: the windows of all images, a row for each window; its steps are entries of the table.

struct RowB {
    base: u32,
    corner: vec3<i32>,
}

alias StepB = Entry;

fn row_b(z: u32, j: u32) -> RowB {
    let f = phase(z);
    let area = max(f.count.x * f.count.y * f.count.z, 1u);
    // Columns past the last are computed for some window and not stored.
    let image = min(j / area, p.images - 1u);
    let corner = unravel(j % area, max(f.count, vec3<u32>(1u))) * vec3<u32>(p.stride0, p.stride1, p.stride2);
    let base = p.source + image * p.s_image + group_of(z) * p.s_group;
    return RowB(base + corner.x * p.s_0 + corner.y * p.s_1 + corner.z * p.s_2, vec3<i32>(corner));
}

fn step_b(q: Place) -> StepB {
    return entry(q);
}

fn take_b(row: RowB, step: StepB) -> T {
    return cell(row.base + step.offset, row.corner + step.away);
}
