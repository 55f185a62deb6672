//! The gradient to the images.

use super::{
    cpu::{Number, Operand},
    forward::{as_matrices, as_rows, is_product, key, product, taps},
    gather::{Gather, Phase, Weights, strides},
    patches::{self, Columns},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        matmul,
        parallel::{self, Disjoint},
    },
    shape::ConvolutionShape,
    tensor::{
        Tensor,
        expr::{Leaf, Plan},
    },
};
use std::sync::Arc;

pub(super) fn run_gpu(gpu: &Arc<Gpu>, s: &ConvolutionShape, gy: &Tensor, w: &Tensor, plan: &Plan) -> Result<()> {
    if is_product(s)
        && s.area() >= 32
        && let (Some(rows), Some(filters)) = (as_rows(gy, s, s.filters), as_matrices(w, s))
    {
        let filters = filters.transpose(Some(&[0, 1, 3, 2]));
        return matmul::product_into(&filters, &rows, product(s, s.channels, s.filters), 2, plan);
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

/// `windows += w' * gy` for each block of windows, added to the image where they lie.
pub(super) fn run_cpu<E: Number>(s: &ConvolutionShape, gy: &Operand<'_, E>, w: &Operand<'_, E>, gx: &mut [E]) {
    let (m, taps, pixels) = (s.filters, s.taps(), s.pixels());
    let k = s.channels * taps;
    // Channels of one image are added to by one task alone.
    let together = (patches::COLUMNS / s.area().max(1)).clamp(1, s.images);
    let image_blocks = s.images.div_ceil(together);
    let wanted = (rayon::current_num_threads() * 2).div_ceil((image_blocks * s.groups).max(1));
    let most = (patches::STEPS / taps).max(1);
    let channels = s.channels.div_ceil(wanted.clamp(1, s.channels.max(1))).max(1);
    let chunks = s.channels.div_ceil(channels);
    let gx = Disjoint::new(gx);
    parallel::ranges(image_blocks * s.groups * chunks, 2 * m * k * patches::COLUMNS / chunks, 1, |range| {
        E::workspace(|columns, gathered| {
            for task in range {
                let (c0, g, at) = (task % chunks * channels, task / chunks % s.groups, task / chunks / s.groups);
                let c1 = (c0 + channels).min(s.channels);
                let images = at * together..((at + 1) * together).min(s.images);
                for i in images.clone() {
                    let first = ((i * s.groups + g) * s.channels + c0) * pixels;
                    // SAFETY: the channels of a task's images are its own.
                    unsafe { gx.range(first..first + (c1 - c0) * pixels) }.fill(E::zero());
                }
                for block in patches::blocks_of(s, images, together) {
                    let n = block.columns();
                    let (from, row) = patches::results(gy.values, s, g, &block, gathered);
                    if m == 0 {
                        continue;
                    }
                    for channel in (c0..c1).step_by(most) {
                        let steps = channel * taps..(channel + most).min(c1) * taps;
                        if columns.len() < steps.len() * n {
                            columns.resize(steps.len() * n, E::zero());
                        }
                        let columns = &mut columns[..steps.len() * n];
                        // SAFETY: operands and results are within their slices.
                        unsafe {
                            E::gemm(
                                [steps.len(), m, n],
                                w.values[g * m * k + steps.start..].as_ptr(),
                                [1, k as isize],
                                from.as_ptr(),
                                [row as isize, 1],
                                E::zero(),
                                columns.as_mut_ptr(),
                                [n as isize, 1],
                            );
                        }
                        Columns { s, x: &[], group: g, block: &block }.add_back(steps, columns, &gx);
                    }
                }
            }
        });
    });
}
