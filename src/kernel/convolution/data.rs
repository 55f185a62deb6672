//! The gradient to the images.

use super::{
    cpu::Operand,
    depthwise,
    forward::{as_matrices, as_rows, is_product, key, product, taps},
    gather::{Gather, Phase, Weights, strides},
    patches::{self, Block, Neighbours, Under},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        matmul,
        parallel::{self, Disjoint},
        tiles::{self, Number, Product, Rows, Workspace},
    },
    shape::ConvolutionShape,
    tensor::{
        Tensor,
        expr::{Leaf, Plan},
    },
};
use std::{ops::Range, sync::Arc};

pub(super) fn run_gpu(gpu: &Arc<Gpu>, s: &ConvolutionShape, gy: &Tensor, w: &Tensor, plan: &Plan) -> Result<()> {
    if is_product(s)
        && s.area() >= 32
        && let (Some(rows), Some(filters)) = (as_rows(gy, s, s.filters), as_matrices(w, s))
    {
        let filters = filters.transpose(Some(&[0, 1, 3, 2]));
        return matmul::product_into(&filters, &rows, product(s, s.channels, s.filters), 2, plan);
    }
    if depthwise::pays(s) && depthwise::run_data_gpu(gpu, s, gy, w, plan)? {
        return Ok(());
    }
    run_gather(gpu, s, gy, w, None, plan)
}

/// Pixels at a distance of `stride` lie under the same elements of windows: they are a phase.
fn phases(s: &ConvolutionShape, w: [isize; 5]) -> Vec<Phase> {
    let [a, b, c] = s.stride;
    let shifts = (0..a).flat_map(|x| (0..b).flat_map(move |y| (0..c).map(move |z| [x, y, z])));
    let mut phases = vec![];
    for shift in shifts {
        let count: [usize; 3] = std::array::from_fn(|i| s.image[i].saturating_sub(shift[i]).div_ceil(s.stride[i]));
        if count.contains(&0) {
            continue;
        }
        let under = |t: [usize; 3]| {
            let mut away = [0; 3];
            for i in 0..3 {
                let from = shift[i] as isize - s.away(i, t[i]);
                if from.rem_euclid(s.stride[i] as isize) != 0 {
                    return None;
                }
                away[i] = from.div_euclid(s.stride[i] as isize);
            }
            Some(((0..3).map(|i| t[i] as isize * w[2 + i]).sum(), away))
        };
        phases.push(Phase { taps: taps(s).filter_map(under).collect(), count, shift });
    }
    phases
}

pub(super) fn run_gather(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    gy: &Tensor,
    w: &Tensor,
    schedule: Option<matmul::Schedule>,
    plan: &Plan,
) -> Result<()> {
    let (buffer, at) = w.buffer()?;
    let ws = strides(w);
    let leaf = Leaf { buffer, offset: at + w.view.offset, strides: w.view.strides.clone(), dtype: w.dtype() };
    let gather = Gather {
        images: s.images,
        groups: s.groups,
        rows: s.channels,
        channels: s.filters,
        source: gy,
        size: s.windows,
        stride: [1; 3],
        phases: phases(s, ws),
        lengths: s.image,
        apart: s.stride,
        weights: Weights::Table { leaf: &leaf, group: s.filters as isize * ws[0], row: ws[1], channel: ws[0] },
    };
    let key = [&key(1, s)[..], &ws[1..]].concat();
    gather.run(gpu, &key, schedule, plan)
}

/// Elements of results' gradients that are packed at once, and of windows' gradients.
const PACKED: usize = 1 << 17;

/// Steps whose windows' gradients are computed at once, at most about this.
const STEPS: usize = 256;

/// `windows = w' * gy` for each block of windows and some channels, added to the image where they lie.
pub(super) fn run_cpu<E: Number>(s: &ConvolutionShape, gy: &Operand<'_, E>, w: &Operand<'_, E>, gx: &mut [E]) {
    let (taps, pixels) = (s.taps(), s.pixels());
    // Channels of one image are added to by one task alone.
    let columns = (PACKED / s.filters.max(1)).clamp(2 * tiles::width::<E>(), patches::COLUMNS);
    let together = (columns / s.area().max(1)).clamp(1, s.images.div_ceil(rayon::current_num_threads()));
    let image_blocks = s.images.div_ceil(together);
    let threads = rayon::current_num_threads();
    let wanted = if threads == 1 { 1 } else { (threads * 2).div_ceil((image_blocks * s.groups).max(1)) };
    let channels = s.channels.div_ceil(wanted.clamp(1, s.channels.max(1))).max(1);
    let chunks = s.channels.div_ceil(channels);
    let gx = Disjoint::new(gx);
    let work = 2 * s.filters * s.channels * taps * s.area() * together / chunks;
    parallel::ranges(image_blocks * s.groups * chunks, work, 1, |range| {
        E::workspace(|own| {
            for task in range {
                let (c0, g, at) = (task % chunks * channels, task / chunks % s.groups, task / chunks / s.groups);
                let c1 = (c0 + channels).min(s.channels);
                let images = at * together..((at + 1) * together).min(s.images);
                for i in images.clone() {
                    let first = ((i * s.groups + g) * s.channels + c0) * pixels;
                    // SAFETY: the channels of a task's images are its own.
                    unsafe { gx.range(first..first + (c1 - c0) * pixels) }.fill(E::ZERO);
                }
                if s.filters == 0 {
                    continue;
                }
                for block in patches::blocks(s, images, columns) {
                    block_cpu(s, g, &block, c0..c1, [gy, w], &gx, own);
                }
            }
        });
    });
}

fn block_cpu<E: Number>(
    s: &ConvolutionShape,
    g: usize,
    block: &Block,
    channels: Range<usize>,
    [gy, w]: [&Operand<'_, E>; 2],
    gx: &Disjoint<'_, E>,
    own: &mut Workspace<E>,
) {
    let (m, taps, area, width) = (s.filters, s.taps(), s.area(), tiles::width::<E>());
    let (k, n) = (s.channels * taps, block.columns());
    // Gradients of results in panels, each with all filters.
    let runs = block.runs(s.groups * m * area);
    let length = tiles::piece(&runs);
    let rows: Vec<usize> = (0..m).map(|row| row * area).collect();
    let gradients = &gy.values[(block.image * s.groups + g) * m * area..];
    let panels = own.panel.take(m * tiles::pitch::<E>(n));
    let mut pieces = vec![];
    for from in (0..n).step_by(width) {
        let to = (from + width).min(n);
        tiles::pieces(&runs, from, to, length, &mut pieces);
        tiles::pack(gradients, &rows, &pieces, length, tiles::pitch::<E>(to - from), &mut panels[m * from..]);
    }
    let under = Under::copy(s, g, block, Neighbours::Windows);
    let (places, pitch) = (under.runs(), tiles::pitch::<E>(n));
    let mut offsets = vec![];
    let most = (STEPS / taps).max(1);
    for channel in channels.clone().step_by(most) {
        let some = channel..(channel + most).min(channels.end);
        let steps = some.start * taps..some.end * taps;
        let columns = own.results.take(steps.len() * pitch);
        for filters in tiles::slices(m) {
            let packed = own.rows.take(steps.len().next_multiple_of(tiles::together()) * filters.len());
            tiles::pack_steps(
                &w.values[(g * m + filters.start) * k + steps.start..],
                k,
                filters.len(),
                steps.len(),
                packed,
            );
            for from in (0..n).step_by(width) {
                let to = (from + width).min(n);
                let product = Product {
                    rows: Rows::Steps,
                    m: steps.len(),
                    n: to - from,
                    k: filters.len(),
                    a: packed.as_ptr(),
                    b: panels[m * from + filters.start * tiles::pitch::<E>(to - from)..].as_ptr(),
                    c: columns[from..].as_mut_ptr(),
                    row: pitch,
                    begun: filters.start > 0,
                };
                // SAFETY: rows and panels were packed as it wants them, the columns are the thread's.
                unsafe { product.run() };
            }
        }
        let size = under.size(some.len());
        let copy = own.image.take(size);
        copy.fill(E::ZERO);
        under.offsets(steps, some.start, &mut offsets);
        tiles::scatter(columns, &offsets, &places, pitch, copy);
        under.add_back(copy, some, gx);
    }
}
