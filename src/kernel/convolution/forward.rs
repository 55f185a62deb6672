//! The forward pass.

use super::{
    cpu::{Number, Operand, Sink},
    gather::{Gather, Phase, Weights},
    patches::{self, Columns},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        matmul,
        parallel::{self, Disjoint},
    },
    shape::{ConvolutionShape, MatmulShape, Shape},
    tensor::{
        Tensor,
        expr::{Leaf, Plan},
    },
};
use std::sync::Arc;

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

/// `y = w * windows` for each block of windows.
pub(super) fn run_cpu<E: Number>(s: &ConvolutionShape, x: &Operand<'_, E>, w: &Operand<'_, E>, sink: Sink<'_, E>) {
    let (m, k, area) = (s.filters, s.channels * s.taps(), s.area());
    let (memory, operators) = match sink {
        Sink::Memory(y) => (Some(Disjoint::new(y)), None),
        Sink::Operators(epilogue) => (None, Some(epilogue)),
    };
    let blocks = patches::blocks(s, s.groups);
    parallel::ranges(blocks.len() * s.groups, 2 * m * k * patches::COLUMNS, 1, |range| {
        E::workspace(|columns, results| {
            for task in range {
                let (g, block) = (task % s.groups, &blocks[task / s.groups]);
                let n = block.columns();
                let first = |image: usize, row: usize| ((image * s.groups + g) * m + row) * area + block.from;
                let whole = memory.as_ref().filter(|_| block.images == 1 && k > 0);
                if whole.is_none() && results.len() < m * n {
                    results.resize(m * n, E::zero());
                }
                if k == 0 {
                    results.fill(E::zero());
                }
                let (into, row) = match whole {
                    // SAFETY: each block's results are written by its task.
                    Some(y) => (unsafe { y.pointer(first(block.image, 0)) }, area),
                    None => (results.as_mut_ptr(), n),
                };
                for from in (0..k).step_by(patches::STEPS) {
                    let steps = from..(from + patches::STEPS).min(k);
                    let copied = Columns { s, x: x.values, group: g, block }.copy(steps.clone(), columns);
                    // SAFETY: operands and results are within their memory.
                    unsafe {
                        E::gemm(
                            [m, steps.len(), n],
                            w.values[g * m * k + from..].as_ptr(),
                            [k as isize, 1],
                            copied.as_ptr(),
                            [n as isize, 1],
                            if from == 0 { E::zero() } else { E::one() },
                            into,
                            [row as isize, 1],
                        );
                    }
                }
                if whole.is_some() {
                    continue;
                }
                let each = block.to - block.from;
                for (row, values) in results[..m * n].chunks_exact(n).enumerate() {
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
