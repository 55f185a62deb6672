// y[row] = sum over k of w[row, k] * x[k] for each z: ACROSS threads share a row, neighbours along k where W_ALONG_K = 1
// says that memory has them so.

const ROWS: u32 = 256u / ACROSS;

var<workgroup> sums: array<T, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let id = group.y * groups.x + group.x;
    let z = (id / p.tiles) % p.batches;
    let part = id / p.tiles / p.batches;
    if (part >= p.parts) {
        return;
    }
    let i = select(thread % ROWS, thread / ACROSS, W_ALONG_K == 1u);
    let lane = select(thread / ROWS, thread % ACROSS, W_ALONG_K == 1u);
    let row = (id % p.tiles) * ROWS + i;
    let last = min((part + 1u) * p.part, p.k);
    let w = base_w(z * p.m + min(row, p.m - 1u));
    let x = base_x(z);
    var k = part * p.part + lane;
    // Four sums, so that four loads are under way at once.
    var four = vec4<T>();
    for (; k + 3u * ACROSS < last; k += 4u * ACROSS) {
        four.x += load_w(w, k) * load_x(x, k);
        four.y += load_w(w, k + ACROSS) * load_x(x, k + ACROSS);
        four.z += load_w(w, k + 2u * ACROSS) * load_x(x, k + 2u * ACROSS);
        four.w += load_w(w, k + 3u * ACROSS) * load_x(x, k + 3u * ACROSS);
    }
    var sum = (four.x + four.y) + (four.z + four.w);
    for (; k < last; k += ACROSS) {
        sum += load_w(w, k) * load_x(x, k);
    }
    if (ACROSS > 1u) {
        let at = i * ACROSS + lane;
        sums[at] = sum;
        workgroupBarrier();
        for (var half = ACROSS / 2u; half > 0u; half /= 2u) {
            if (lane < half) {
                sums[at] += sums[at + half];
            }
            workgroupBarrier();
        }
        sum = sums[at];
    }
    if (lane == 0u && row < p.m) {
        put(z, part, row, 0u, sum);
    }
}
