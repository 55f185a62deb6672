// As arg_extreme.wgsl, for software adapters: a thread for a row, of which it reads four neighbours at once.

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let o = (group.y * groups.x + group.x) * 256u + thread;
    if (o >= p.rows) {
        return;
    }
    var best = load_x(o, 0u);
    var at = 0u;
    var fours = vec4<T>(best);
    var ats = vec4<u32>();
    var r = 0u;
    for (; r + 3u < p.length; r += 4u) {
        let v = load4_x(o, r);
        let wins = are_better(v, fours);
        fours = select(fours, v, wins);
        ats = select(ats, vec4<u32>(r, r + 1u, r + 2u, r + 3u), wins);
    }
    for (var lane = 0u; lane < 4u; lane++) {
        if (better(fours[lane], ats[lane], best, at)) {
            best = fours[lane];
            at = ats[lane];
        }
    }
    for (; r < p.length; r++) {
        let v = load_x(o, r);
        if (better(v, r, best, at)) {
            best = v;
            at = r;
        }
    }
    put_y(o, i32(at));
}
