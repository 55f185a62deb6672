// Places along k are the windows of all images, counted up axis by axis: no division in the loops.
//
// Operand a is the gradient of the results, a row for each filter; operand b what lies under the windows, a row for each
// entry of the table.

const WIDTH: u32 = 1u + WEIGHTED + AXES;

struct Place {
    image: u32,
    at: vec3<u32>,
}

fn steps(z: u32) -> u32 {
    return p.k;
}

fn place(z: u32, k: u32) -> Place {
    let area = p.count0 * p.count1 * p.count2;
    let within = k % area;
    let row = within / p.count2;
    return Place(k / area, vec3<u32>(row / p.count1, row % p.count1, within % p.count2));
}

fn moved(q: Place, image: u32, x: u32, y: u32, z: u32) -> Place {
    var m = q;
    m.at.z += z;
    let over2 = m.at.z >= p.count2;
    m.at.z -= select(0u, p.count2, over2);
    m.at.y += y + select(0u, 1u, over2);
    let over1 = m.at.y >= p.count1;
    m.at.y -= select(0u, p.count1, over1);
    m.at.x += x + select(0u, 1u, over1);
    let over0 = m.at.x >= p.count0;
    m.at.x -= select(0u, p.count0, over0);
    m.image += image + select(0u, 1u, over0);
    return m;
}

fn next(q: Place) -> Place {
    return moved(q, 0u, 0u, 0u, 1u);
}

fn jump(q: Place) -> Place {
    return moved(q, p.jump_image, p.jump0, p.jump1, p.jump2);
}

alias RowA = u32;
alias StepA = u32;

fn row_a(z: u32, i: u32) -> RowA {
    return p.g_source + (z * p.m + i) * p.g_channel;
}

fn step_a(q: Place) -> StepA {
    return q.image * p.g_image + q.at.x * p.g_0 + q.at.y * p.g_1 + q.at.z * p.g_2;
}

fn take_a(row: RowA, step: StepA) -> T {
    return read_g(row + step);
}

alias RowB = Entry;

struct StepB {
    offset: u32,
    corner: vec3<i32>,
}

fn row_b(z: u32, j: u32) -> RowB {
    var e = entry(j);
    e.offset += p.source + z * p.s_group;
    return e;
}

fn step_b(q: Place) -> StepB {
    let corner = q.at * vec3<u32>(p.stride0, p.stride1, p.stride2);
    let offset = q.image * p.s_image + corner.x * p.s_0 + corner.y * p.s_1 + corner.z * p.s_2;
    return StepB(offset, vec3<i32>(corner));
}

fn take_b(row: RowB, step: StepB) -> T {
    return cell(row.offset + step.offset, row.away + step.corner);
}
