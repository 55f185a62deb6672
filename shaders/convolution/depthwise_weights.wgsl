// gw[pair, line, t] = sum over images and windows of gy x, where a pair is a filter of a group and one of its channels:
// ACROSS threads have the last axis of one line of a filter's elements, up to eight of them, and a part of the lines of
// results. They go along a line; SLIDING = 1 says that elements lie as far apart as windows do, so that a window has all
// pixels of the one before it but one. WIDE = 0 says that there are four elements at most.

const TAPS: u32 = select(4u, 8u, WIDE == 1u);

var<workgroup> sums_far: array<vec4<T>, 64>;
var<workgroup> sums_near: array<vec4<T>, 64>;

// A pixel of a row, which may lie over the edge: below zero is far above as an unsigned number.
fn pixel(row: u32, at: u32, wanted: bool) -> T {
    let on = wanted && at < p.size2;
    return select(T(0), read_x(select(p.source, row + at * p.s_2, on)), on);
}

// The pixels under a window's elements, of which the last belongs to the last component of `near`.
struct Pixels {
    far: vec4<T>,
    near: vec4<T>,
}

fn pushed(v: Pixels, value: T) -> Pixels {
    return Pixels(vec4<T>(v.far.yzw, v.near.x), vec4<T>(v.near.yzw, value));
}

fn under(row: u32, corner: u32) -> Pixels {
    let none = TAPS - p.kernel2;
    let begin = corner - none * p.dilate2;
    var v = Pixels();
    if (WIDE == 1u) {
        v.far = vec4<T>(
            pixel(row, begin, none < 1u),
            pixel(row, begin + p.dilate2, none < 2u),
            pixel(row, begin + 2u * p.dilate2, none < 3u),
            pixel(row, begin + 3u * p.dilate2, none < 4u),
        );
    }
    let last = corner + (p.kernel2 - 1u) * p.dilate2;
    v.near = vec4<T>(
        pixel(row, last - 3u * p.dilate2, p.kernel2 > 3u),
        pixel(row, last - 2u * p.dilate2, p.kernel2 > 2u),
        pixel(row, last - p.dilate2, p.kernel2 > 1u),
        pixel(row, last, true),
    );
    return v;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = group.y * groups.x + group.x;
    let task = select(id, id * 64u + thread, ACROSS == 1u);
    let lane = select(thread, 0u, ACROSS == 1u);
    let part = task / p.tasks;
    let tap0 = task % p.taps01 / p.kernel1;
    let tap1 = task % p.kernel1;
    let pair = task % p.tasks / p.taps01;
    let filter_of = pair / p.channels;
    let channel = filter_of / p.filters * p.channels + pair % p.channels;
    var far = vec4<T>();
    var near = vec4<T>();
    let last = min((part + 1u) * p.part, select(0u, p.lines, part < p.parts));
    for (var line = part * p.part + lane; line < last; line += ACROSS) {
        let plane = line / p.count1;
        let image = plane / p.count0;
        let at0 = plane % p.count0 * p.stride0 + tap0 * p.dilate0 - p.pad0;
        let at1 = line % p.count1 * p.stride1 + tap1 * p.dilate1 - p.pad1;
        if (at0 < p.size0 && at1 < p.size1) {
            let row = p.source + image * p.s_image + channel * p.s_channel + at0 * p.s_0 + at1 * p.s_1;
            var g = p.g_source + image * p.g_image + filter_of * p.g_channel + plane % p.count0 * p.g_0
                + line % p.count1 * p.g_1;
            var corner = 0u - p.pad2;
            var v = Pixels();
            if (SLIDING == 1u) {
                for (var t = 1u; t < p.kernel2; t++) {
                    v = pushed(v, pixel(row, corner, true));
                    corner += 1u;
                }
            }
            for (var i = 0u; i < p.count2; i++) {
                if (SLIDING == 1u) {
                    v = pushed(v, pixel(row, corner, true));
                    corner += 1u;
                } else {
                    v = under(row, corner);
                    corner += p.stride2;
                }
                let gradient = read_g(g);
                if (WIDE == 1u) {
                    far += gradient * v.far;
                }
                near += gradient * v.near;
                g += p.g_2;
            }
        }
    }
    if (ACROSS > 1u) {
        sums_far[thread] = far;
        sums_near[thread] = near;
        workgroupBarrier();
        for (var half = ACROSS / 2u; half > 0u; half /= 2u) {
            if (lane < half) {
                sums_far[thread] += sums_far[thread + half];
                sums_near[thread] += sums_near[thread + half];
            }
            workgroupBarrier();
        }
        far = sums_far[thread];
        near = sums_near[thread];
    }
    if (lane == 0u && part < p.parts) {
        let none = TAPS - p.kernel2;
        let to = task % p.tasks * p.kernel2;
        for (var t = none; t < TAPS; t++) {
            let sums = array<vec4<T>, 2>(far, near);
            put(0u, part, to + t - none, 0u, sums[(t + 8u - TAPS) / 4u][t % 4u]);
        }
    }
}
