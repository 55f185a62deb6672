//! The gradient to the filters.

use super::{
    cpu::{Number, Operand},
    forward::{key, windows},
    gather::{offset, over_the_edge, signed, strides},
    patches::{self, Columns},
    table::{self, Table},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        emit::{Index, Kernel},
        matmul::{Schedule, Sizes, add_parts, parts_buffer},
        parallel::{self, Disjoint},
    },
    shape::ConvolutionShape,
    tensor::{Tensor, Wgsl, expr::Plan, wgsl},
};
use std::sync::Arc;

pub(super) fn run_gpu(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    x: &Tensor,
    gy: &Tensor,
    schedule: Option<Schedule>,
    plan: &Plan,
) -> Result<()> {
    let (source, at) = x.buffer()?;
    let (gradient, gradient_at) = gy.buffer()?;
    let (xs, gs) = (strides(x), strides(gy));
    let phase = windows(s);
    let axes = over_the_edge(std::slice::from_ref(&phase), s.stride, s.image);
    let make = || {
        let mut table = Table::new(axes, false);
        for c in 0..s.channels {
            phase.taps.iter().for_each(|(_, away)| table.push(offset(xs, c, *away), 0, *away));
        }
        table.words
    };
    let buffer = table::on_device(gpu, [&key(2, s)[..], &xs].concat(), make)?;
    let sizes = Sizes { m: s.filters, n: s.channels * s.taps(), k: s.images * s.area(), batches: s.groups };
    let schedule = schedule.unwrap_or_else(|| Schedule::of(&sizes, gpu.is_software()));
    let mut operands: Vec<Wgsl> = vec![wgsl!("convolution/windows.wgsl"), wgsl!("convolution/cell.wgsl")];
    operands.push(if schedule.parts > 1 { wgsl!("gemm/put_part.wgsl") } else { wgsl!("gemm/put.wgsl") });
    if !schedule.block.is_direct() {
        operands.extend([wgsl!("gemm/fetch_a.wgsl"), wgsl!("gemm/fetch_b.wgsl")]);
    }
    let files = schedule.files(&operands);
    let mut kernel = Kernel::new("convolution_weights", gpu, plan.compute, &files);
    if !schedule.block.is_direct() {
        kernel.constant("A_ALONG_K", 1);
        kernel.constant("B_ALONG_K", 1);
    }
    kernel.constant("WEIGHTED", 0);
    kernel.constant("AXES", axes as u32);
    kernel.memory("s", &source, x.dtype(), true);
    kernel.integers("table", &buffer, 0, true);
    kernel.memory("g", &gradient, gy.dtype(), true);
    kernel.word("k", sizes.k);
    // The digits of a step of `JUMP` windows.
    let [c0, c1, c2] = s.windows;
    let jump = Schedule::DEPTH;
    let digits = [
        jump / (c0 * c1 * c2).max(1),
        jump / (c1 * c2).max(1) % c0.max(1),
        jump / c2.max(1) % c1.max(1),
        jump % c2.max(1),
    ];
    for (name, digit) in ["jump_image", "jump0", "jump1", "jump2"].into_iter().zip(digits) {
        kernel.word(name, digit);
    }
    for (names, values) in [
        (["count0", "count1", "count2"], s.windows),
        (["stride0", "stride1", "stride2"], s.stride),
        (["size0", "size1", "size2"], s.image),
    ] {
        names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
    }
    kernel.word("source", at + x.view.offset);
    signed(&mut kernel, "s_image", xs[0]);
    signed(&mut kernel, "s_group", s.channels as isize * xs[1]);
    kernel.word("g_source", gradient_at + gy.view.offset);
    signed(&mut kernel, "g_image", gs[0]);
    signed(&mut kernel, "g_channel", gs[1]);
    for (axis, (name_s, name_g)) in [("s_0", "g_0"), ("s_1", "g_1"), ("s_2", "g_2")].into_iter().enumerate() {
        signed(&mut kernel, name_s, xs[2 + axis]);
        signed(&mut kernel, name_g, gs[2 + axis]);
    }
    if schedule.parts > 1 {
        let buffer = parts_buffer(&mut kernel, schedule.parts, plan)?;
        schedule.launch(kernel, &sizes);
        return add_parts(buffer, schedule.parts, plan);
    }
    kernel.epilogue(plan, Index::Split(1));
    kernel.word("columns", sizes.n);
    schedule.launch(kernel, &sizes);
    Ok(())
}

/// Bytes that parts of the gradient may take in all.
const PARTS: usize = 64 << 20;

/// `gw += gy * windows'` over the blocks of windows: parts of the blocks side by side, each with sums of its own where
/// that takes little memory, and parts of the filters' elements.
pub(super) fn run_cpu<E: Number>(s: &ConvolutionShape, x: &Operand<'_, E>, gy: &Operand<'_, E>, gw: &mut [E]) {
    let (m, k) = (s.filters, s.channels * s.taps());
    let size = s.groups * m * k;
    let blocks = patches::blocks(s, 1);
    if blocks.is_empty() {
        return gw.fill(E::zero());
    }
    let threads = rayon::current_num_threads();
    let parts = threads.min(blocks.len()).min((PARTS / (size * size_of::<E>()).max(1)).max(1));
    let slices = (threads.div_ceil(parts * s.groups)).min(k.div_ceil(64)).max(1);
    let slice = k.div_ceil(slices);
    let slices = k.div_ceil(slice);
    let mut others = vec![E::zero(); size * (parts - 1)];
    {
        let (first, rest) = (Disjoint::new(&mut *gw), Disjoint::new(&mut others));
        let work = 2 * m * k * patches::COLUMNS * blocks.len() / (parts * slices);
        parallel::ranges(parts * s.groups * slices, work, 1, |range| {
            E::workspace(|columns, gathered| {
                for task in range {
                    let (slice_at, g, part) = (task % slices, task / slices % s.groups, task / slices / s.groups);
                    let within = slice_at * slice..((slice_at + 1) * slice).min(k);
                    let each = blocks.len().div_ceil(parts);
                    let own = blocks.iter().skip(part * each).take(each);
                    let at = g * m * k;
                    // SAFETY: a task adds to its own part, group and columns.
                    let sums =
                        unsafe { if part == 0 { first.pointer(at) } else { rest.pointer((part - 1) * size + at) } };
                    let mut begun = false;
                    for block in own {
                        let n = block.columns();
                        let (from, row) = patches::results(gy.values, s, g, block, gathered);
                        for start in within.clone().step_by(patches::STEPS) {
                            let steps = start..(start + patches::STEPS).min(within.end);
                            let copied = Columns { s, x: x.values, group: g, block }.copy(steps.clone(), columns);
                            // SAFETY: operands are within their slices, sums are the task's.
                            unsafe {
                                E::gemm(
                                    [m, n, steps.len()],
                                    from.as_ptr(),
                                    [row as isize, 1],
                                    copied.as_ptr(),
                                    [1, n as isize],
                                    if begun { E::one() } else { E::zero() },
                                    sums.add(start),
                                    [k as isize, 1],
                                );
                            }
                        }
                        begun = true;
                    }
                }
            });
        });
    }
    for part in others.chunks(size) {
        gw.iter_mut().zip(part).for_each(|(sum, &v)| *sum = E::sum(*sum, v));
    }
}
