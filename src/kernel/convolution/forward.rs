//! The forward pass.

use super::{
    cpu::{Operand, Sink},
    depthwise,
    gather::{Gather, Phase, Weights},
    patches::{self, Block, Neighbours, Under},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        matmul,
        parallel::{self, Disjoint},
        tiles::{self, Memory, Number, Product, Rows, Workspace},
    },
    shape::{ConvolutionShape, MatmulShape, Shape},
    tensor::{
        Tensor,
        expr::{Leaf, Plan},
    },
};
use std::{ops::Range, sync::Arc};

/// Numbers that tell one geometry from others.
pub(super) fn key(kind: isize, s: &ConvolutionShape) -> Vec<isize> {
    let sides = [s.image, s.kernel, s.windows, s.stride, s.pad, s.dilate];
    let numbers = [s.groups, s.channels, s.filters].into_iter().chain(sides.into_iter().flatten());
    std::iter::once(kind).chain(numbers.map(|n| n as isize)).collect()
}

/// The elements of a window, in the order of the filters.
pub(super) fn taps(s: &ConvolutionShape) -> impl Iterator<Item = [usize; 3]> + '_ {
    let [a, b, c] = s.kernel;
    (0..a).flat_map(move |x| (0..b).flat_map(move |y| (0..c).map(move |z| [x, y, z])))
}

/// All windows as one phase.
pub(super) fn windows(s: &ConvolutionShape) -> Phase {
    let away = |t: [usize; 3]| [s.away(0, t[0]), s.away(1, t[1]), s.away(2, t[2])];
    Phase { taps: taps(s).enumerate().map(|(i, t)| (i as isize, away(t))).collect(), count: s.windows, shift: [0; 3] }
}

/// Whether a window is one element, and they lie side by side: a matrix product.
pub(super) fn is_product(s: &ConvolutionShape) -> bool {
    s.kernel == [1; 3] && s.stride == [1; 3] && s.pad == [0; 3]
}

/// `(N, G * C, ..)` as `(N, G, pixels, C)`, where that needs no copy.
pub(super) fn as_rows(x: &Tensor, s: &ConvolutionShape, channels: usize) -> Option<Tensor> {
    let shape = Shape::from([s.images, s.groups, channels, s.area()]);
    Some(x.try_reshape_view(&shape)?.transpose(Some(&[0, 1, 3, 2])))
}

/// The filters `(G * F, C, 1, ..)` as `(N, G, F, C)`.
pub(super) fn as_matrices(w: &Tensor, s: &ConvolutionShape) -> Option<Tensor> {
    let shape = Shape::from([s.groups, s.filters, s.channels]);
    Some(w.try_reshape_view(&shape)?.broadcast_to([s.images, s.groups, s.filters, s.channels]))
}

/// The shape of such a product.
pub(super) fn product(s: &ConvolutionShape, m: usize, k: usize) -> MatmulShape {
    MatmulShape { batch: Shape::from([s.images, s.groups]), m, n: s.area(), k }
}

pub(super) fn run_gpu(gpu: &Arc<Gpu>, s: &ConvolutionShape, x: &Tensor, w: &Tensor, plan: &Plan) -> Result<()> {
    // Few pixels an image would leave much of a block unused; windows go on from one image to the next.
    if is_product(s)
        && s.area() >= 32
        && let (Some(rows), Some(filters)) = (as_rows(x, s, s.channels), as_matrices(w, s))
    {
        return matmul::product_into(&filters, &rows, product(s, s.filters, s.channels), 2, plan);
    }
    if depthwise::pays(s) {
        return depthwise::run_gpu(gpu, s, x, w, plan);
    }
    run_gather(gpu, s, x, w, None, plan)
}

pub(super) fn run_gather(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    x: &Tensor,
    w: &Tensor,
    schedule: Option<matmul::Schedule>,
    plan: &Plan,
) -> Result<()> {
    let shape = [s.groups * s.filters, s.channels * s.taps()];
    let w = match w.try_reshape_view(&Shape::from(shape)) {
        Some(view) => view,
        None => w.contiguous().with_shape(&Shape::from(shape)),
    };
    let (buffer, at) = w.buffer()?;
    let leaf = Leaf { buffer, offset: at + w.view.offset, strides: w.view.strides.clone(), dtype: w.dtype() };
    let gather = Gather {
        images: s.images,
        groups: s.groups,
        rows: s.filters,
        channels: s.channels,
        source: x,
        size: s.image,
        stride: s.stride,
        phases: vec![windows(s)],
        lengths: s.windows,
        apart: [1; 3],
        weights: Weights::Matrix { leaf: &leaf, shape },
    };
    gather.run(gpu, &key(0, s), schedule, plan)
}

/// Filters whose packed rows stay in the second-level cache.
const FILTERS: usize = 512;

/// `y = w * windows` for each block of windows, or for a block and some of the filters.
pub(super) fn run_cpu<E: Number>(s: &ConvolutionShape, x: &Operand<'_, E>, w: &Operand<'_, E>, sink: Sink<'_, E>) {
    let (m, k, area) = (s.filters, s.channels * s.taps(), s.area());
    let (memory, operators) = match sink {
        Sink::Memory(y) => (Some(Disjoint::new(y)), None),
        Sink::Operators(epilogue) => (None, Some(epilogue)),
    };
    let wanted = match rayon::current_num_threads() {
        1 => 1,
        threads => threads * 3,
    };
    let fair = (s.images * area).div_ceil(wanted.div_ceil(s.groups)).max(64);
    let blocks: Vec<Block> = patches::blocks(s, 0..s.images, fair.min(patches::COLUMNS)).collect();
    let chunks = wanted.div_ceil((blocks.len() * s.groups).max(1)).min(m / 32).max(1);
    let chunk = m.div_ceil(chunks).next_multiple_of(tiles::together());
    let chunks = m.div_ceil(chunk);
    parallel::ranges(blocks.len() * s.groups * chunks, 2 * chunk * k * patches::COLUMNS, 1, |range| {
        E::workspace(|own| {
            for task in range {
                let (at, g, block) = (task % chunks, task / chunks % s.groups, &blocks[task / chunks / s.groups]);
                let filters = at * chunk..((at + 1) * chunk).min(m);
                let n = block.columns();
                let first = |image: usize, row: usize| ((image * s.groups + g) * m + row) * area + block.from;
                let whole = memory.as_ref().filter(|_| block.images == 1);
                let Workspace { rows, panel, image, results } = own;
                let (into, row) = match whole {
                    // SAFETY: each block's results are written by its task.
                    Some(y) => (unsafe { y.pointer(first(block.image, filters.start)) }, area),
                    None => (results.take(filters.len() * n).as_mut_ptr(), n),
                };
                let under = Under::images(s, g, block, Neighbours::Windows);
                let operands = Operands { s, x: x.values, w: &w.values[g * m * k..], under: &under };
                operands.multiply(filters.clone(), (rows, panel, image), into, row);
                if whole.is_some() {
                    continue;
                }
                let each = block.to - block.from;
                let results = &results.take(filters.len() * n)[..filters.len() * n];
                for (row, values) in filters.zip(results.chunks_exact(n)) {
                    for (i, values) in values.chunks_exact(each).enumerate() {
                        let at = first(block.image + i, row);
                        match (&memory, operators) {
                            // SAFETY: each block's results are written by its task.
                            (Some(y), _) => unsafe { y.range(at..at + each) }.copy_from_slice(values),
                            (None, Some(epilogue)) => epilogue.apply(at, values),
                            (None, None) => unreachable!("results go somewhere"),
                        }
                    }
                }
            }
        });
    });
}

struct Operands<'a, E> {
    s: &'a ConvolutionShape,
    x: &'a [E],
    /// Those of a group.
    w: &'a [E],
    under: &'a Under<'a>,
}

impl<E: Number> Operands<'_, E> {
    /// Results of some filters for the windows of the block, in rows `row` apart from `into` on.
    fn multiply(
        &self,
        filters: Range<usize>,
        (rows, panel, image): (&mut Memory<E>, &mut Memory<E>, &mut Memory<E>),
        into: *mut E,
        row: usize,
    ) {
        let (s, width) = (self.s, tiles::width::<E>());
        let k = s.channels * s.taps();
        let runs = self.under.runs();
        let n = runs.last().map_or(0, |run| run.at + run.n);
        let length = tiles::piece(&runs);
        let panel = panel.take(tiles::DEPTH * width);
        let (mut offsets, mut pieces) = (vec![], vec![]);
        for steps in tiles::slices(k) {
            let channels = steps.start / s.taps()..steps.end.div_ceil(s.taps());
            self.under.offsets(steps.clone(), channels.start, &mut offsets);
            let source = self.under.channels(self.x, channels, image);
            for first in filters.clone().step_by(FILTERS) {
                let some = first..(first + FILTERS).min(filters.end);
                let packed = rows.take(some.len().next_multiple_of(tiles::together()) * tiles::DEPTH);
                for (row, filter) in packed.chunks_exact_mut(tiles::DEPTH).zip(some.clone()) {
                    row[..steps.len()].copy_from_slice(&self.w[filter * k..][steps.clone()]);
                }
                for from in (0..n).step_by(width) {
                    let to = (from + width).min(n);
                    tiles::pieces(&runs, from, to, length, &mut pieces);
                    tiles::pack(source, &offsets, &pieces, length, tiles::pitch::<E>(to - from), panel);
                    let product = Product {
                        rows: Rows::Apart,
                        m: some.len(),
                        n: to - from,
                        k: steps.len(),
                        a: packed.as_ptr(),
                        b: panel.as_ptr(),
                        // SAFETY: within the results.
                        c: unsafe { into.add((some.start - filters.start) * row + from) },
                        row,
                        begun: steps.start > 0,
                    };
                    // SAFETY: rows and panel were packed as it wants them, the results are the caller's.
                    unsafe { product.run() };
                }
            }
        }
    }
}
