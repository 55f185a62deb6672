// y[image, channel, pixel] = the sum of what the tiles over a pixel, SIDE by SIDE and p.step apart, have there: x is
// (channel, pixel of a tile, tile). A thread has SPAN pixels of a line.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + thread;
    if (i >= p.threads) {
        return;
    }
    let line = i / p.segments;
    let plane = line / p.size_y;
    let image = plane / p.channels;
    let at_y = line % p.size_y + p.pad_y;
    let end_y = min(at_y / p.step_y + 1u, p.tiles_y);
    // The first tile that reaches so far.
    let begin_y = (max(at_y, SIDE - 1u) + 1u - SIDE + p.step_y - 1u) / p.step_y;
    let first = i % p.segments * SPAN;
    var at_x = first + p.pad_x;
    var end_x = at_x / p.step_x + 1u;
    var begin_x = (max(at_x, SIDE - 1u) + 1u - SIDE + p.step_x - 1u) / p.step_x;
    let channel = plane % p.channels;
    let begin = p.source + channel * SIDE * SIDE * p.pitch + image * p.tiles_y * p.tiles_x;
    let of_channel = image * p.s_image + channel / p.of_group * p.s_group + channel % p.of_group * p.s_row;
    let to = p.start + of_channel + line % p.size_y * p.size_x;
    // From a tile to its neighbours, which have the same pixel of the image; below zero as an unsigned number.
    let across = 1u - p.step_x * p.pitch;
    let down = p.tiles_x - SIDE * p.step_y * p.pitch;
    for (var pixel = first; pixel < min(first + SPAN, p.size_x); pixel++) {
        var sum = T(0);
        var row = begin + (at_y * SIDE + at_x) * p.pitch + begin_y * down + begin_x * across;
        for (var y = begin_y; y < end_y; y++) {
            var at = row;
            for (var x = begin_x; x < min(end_x, p.tiles_x); x++) {
                sum += read_x(at);
                at += across;
            }
            row += down;
        }
        store(to + pixel, sum);
        at_x += 1u;
        end_x += select(0u, 1u, at_x == end_x * p.step_x);
        begin_x += select(0u, 1u, at_x == begin_x * p.step_x + SIDE);
    }
}
