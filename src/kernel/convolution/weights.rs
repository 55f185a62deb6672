//! The gradient to the filters.

use super::{
    cpu::Operand,
    depthwise,
    forward::{key, windows},
    gather::{offset, over_the_edge, signed, strides},
    patches::{self, Block, Neighbours, Under},
    table::{self, Table},
};
use crate::{
    device::{Device, Gpu, Tag},
    error::Result,
    kernel::{
        WORKSPACE,
        emit::{Index, Kernel, epilogue_vectorises},
        matmul::{Kind, Schedule, Sizes, add_parts, parts_buffer, parts_within},
        parallel::{self, Disjoint},
        tiles::{self, Number, Product, Rows, Run, Workspace},
        tuner::{self, Question},
    },
    shape::ConvolutionShape,
    tensor::{Tensor, Wgsl, expr::Plan, wgsl},
};
use std::{ops::Range, sync::Arc};

pub(super) fn run_gpu(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    x: &Tensor,
    gy: &Tensor,
    schedule: Option<Schedule>,
    plan: &Plan,
) -> Result<()> {
    if schedule.is_none() && depthwise::pays(s) {
        let across = depthwise::sharing(gpu);
        if depthwise::run_weights_gpu(gpu, s, [x, gy], across, plan)? {
            return Ok(());
        }
    }
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
    let Some(mut schedule) = schedule else {
        let question = || {
            let [m, n, k, count] = [sizes.m, sizes.n, sizes.k, sizes.batches].map(tuner::bucket);
            let about = format!("{m} {n} {k} {count} {:?} {axes} {:?}", s.stride, plan.compute);
            Question { kind: "convolution weights", about, work: sizes.work() }
        };
        let candidates = Schedule::candidates(&sizes, Kind::of(gpu));
        let best = tuner::choose(gpu, question, &candidates, |schedule| run_gpu(gpu, s, x, gy, Some(schedule), plan))?;
        return run_gpu(gpu, s, x, gy, Some(best), plan);
    };
    schedule.parts = parts_within(gpu, schedule.parts, plan);
    let mut operands: Vec<Wgsl> = vec![wgsl!("convolution/windows.wgsl"), wgsl!("convolution/cell.wgsl")];
    let by_four = schedule.stores_vectors() && epilogue_vectorises(plan, 1, sizes.n);
    operands.extend_from_slice(schedule.puts(by_four));
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
    let jump = schedule.block.jump();
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
    if by_four {
        kernel.epilogue_fours(plan, Index::Split(1));
    } else {
        kernel.epilogue(plan, Index::Split(1));
    }
    kernel.word("columns", sizes.n);
    schedule.launch(kernel, &sizes);
    Ok(())
}

/// Elements of a slice of the gradient, which stays in the second-level cache while it is added to.
const SLICE: usize = 1 << 17;

/// `gw += gy * windows'` over the blocks of windows, a slice of the filters' elements after the other; where those are too
/// few for all threads, parts of the blocks side by side, each with sums of its own.
pub(super) fn run_cpu<E: Number>(
    s: &ConvolutionShape,
    device: &Device,
    x: &Operand<'_, E>,
    gy: &Operand<'_, E>,
    gw: &mut [E],
) -> Result<()> {
    let (m, k, width) = (s.filters, s.channels * s.taps(), tiles::width::<E>());
    let size = s.groups * m * k;
    let blocks: Vec<Block> = patches::blocks(s, 0..s.images, tiles::DEPTH).collect();
    if blocks.is_empty() {
        gw.fill(E::ZERO);
        return Ok(());
    }
    let threads = rayon::current_num_threads();
    let wanted = if threads == 1 { 1 } else { threads * 2 };
    let most = (SLICE / m).clamp(width, 2048);
    let slices = k.div_ceil(most).max(wanted.div_ceil(s.groups).min(k / (2 * width))).max(1);
    let slice = k.div_ceil(slices).next_multiple_of(width);
    let slices = k.div_ceil(slice);
    let parts = wanted.div_ceil(s.groups * slices);
    let parts = parts.min(blocks.len()).min((WORKSPACE / (size * size_of::<E>()).max(1)).max(1));
    let others = size * (parts - 1);
    let buffer = Tag::Workspace.during(|| device.allocate((others * size_of::<E>()) as u64))?;
    {
        // SAFETY: the buffer is fresh; each part begins by writing its sums.
        let (first, rest) = (Disjoint::new(&mut *gw), Disjoint::new(unsafe { buffer.host_mut::<E>(0, others) }));
        let work = 2 * m * slice * s.images * s.area() / parts;
        parallel::ranges(parts * s.groups * slices, work, 1, |range| {
            E::workspace(|own| {
                for task in range {
                    let (at, g, part) = (task % slices, task / slices % s.groups, task / slices / s.groups);
                    let steps = at * slice..((at + 1) * slice).min(k);
                    let begin = g * m * k + steps.start;
                    // SAFETY: a task adds to its own part, group and columns.
                    let sums = unsafe {
                        if part == 0 { first.pointer(begin) } else { rest.pointer((part - 1) * size + begin) }
                    };
                    let own_blocks = blocks.len() * part / parts..blocks.len() * (part + 1) / parts;
                    for (i, block) in blocks[own_blocks].iter().enumerate() {
                        block_cpu(s, g, block, steps.clone(), [x, gy], (sums, i > 0), own);
                    }
                }
            });
        });
    }
    // SAFETY: nobody writes any more.
    for part in unsafe { buffer.host::<E>(0, others) }.chunks(size.max(1)) {
        gw.iter_mut().zip(part).for_each(|(sum, &v)| *sum += v);
    }
    Ok(())
}

fn block_cpu<E: Number>(
    s: &ConvolutionShape,
    g: usize,
    block: &Block,
    steps: Range<usize>,
    [x, gy]: [&Operand<'_, E>; 2],
    (sums, begun): (*mut E, bool),
    own: &mut Workspace<E>,
) {
    let (m, area, taps, width) = (s.filters, s.area(), s.taps(), tiles::width::<E>());
    let packed = own.rows.take(m.next_multiple_of(tiles::together()) * tiles::DEPTH);
    let runs = block.runs(s.groups * m * area);
    for (row, to) in packed.chunks_exact_mut(tiles::DEPTH).take(m).enumerate() {
        let from = &gy.values[((block.image * s.groups + g) * m + row) * area..];
        runs.iter().for_each(|run| to[run.at..run.at + run.n].copy_from_slice(&from[run.from..][..run.n]));
    }
    let under = Under::images(s, g, block, Neighbours::Elements);
    let windows: Vec<usize> = under.runs().iter().flat_map(|run| run.from..run.from + run.n).collect();
    let channels = steps.start / taps..steps.end.div_ceil(taps);
    let mut offsets = vec![];
    under.offsets(steps.clone(), channels.start, &mut offsets);
    let mut elements: Vec<Run> = vec![];
    for (at, &from) in offsets.iter().enumerate() {
        match elements.last_mut() {
            Some(run) if run.from + run.n == from => run.n += 1,
            _ => elements.push(Run { at, from, n: 1 }),
        }
    }
    let length = tiles::piece(&elements);
    let source = under.channels(x.values, channels, &mut own.image);
    let panel = own.panel.take(tiles::DEPTH * width);
    let mut pieces = vec![];
    for from in (0..steps.len()).step_by(width) {
        let to = (from + width).min(steps.len());
        tiles::pieces(&elements, from, to, length, &mut pieces);
        tiles::pack(source, &windows, &pieces, length, tiles::pitch::<E>(to - from), panel);
        let product = Product {
            rows: Rows::Apart,
            m,
            n: to - from,
            k: windows.len(),
            a: packed.as_ptr(),
            b: panel.as_ptr(),
            // SAFETY: within the sums of the task.
            c: unsafe { sums.add(from) },
            row: s.channels * taps,
            begun,
        };
        // SAFETY: rows and panel were packed as it wants them, the sums are the task's.
        unsafe { product.run() };
    }
}
