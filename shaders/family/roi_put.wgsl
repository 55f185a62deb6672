// The sum over the cells that name a pixel: the adjoint of roi_take.wgsl. One thread for each pixel; it looks at the
// regions of its image that it lies in.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * 256u + thread;
    if (i >= p.n) {
        return;
    }
    let pixels = p.width * p.height;
    let place = i32(i % pixels);
    let y = place / i32(p.width);
    let x = place % i32(p.width);
    let plane = i / pixels;
    let image = i32(plane / p.channels);
    let cells = p.out_w * p.out_h;
    var sum = T(0);
    for (var region = 0u; region < p.regions; region++) {
        if (get_image(region) != image) {
            continue;
        }
        let first = (region * p.channels + plane % p.channels) * cells;
        for (var row = 0u; row < p.out_h; row++) {
            let of_row = 2u * (region * p.out_h + row);
            if (y < get_rows(of_row) || y >= get_rows(of_row + 1u)) {
                continue;
            }
            for (var column = 0u; column < p.out_w; column++) {
                let cell = row * p.out_w + column;
                if (get_at(first + cell) == place) {
                    sum += load_x(region * p.channels + plane % p.channels, cell);
                }
            }
        }
    }
    store_y(i, sum);
}
