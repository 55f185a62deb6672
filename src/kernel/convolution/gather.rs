//! Products whose right operand are windows of images, found through a table: the forward pass, and the gradient to the
//! images, whose windows lie on the results.

use super::table::{self, Table, axes_over_the_edge};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        emit::{Index, Kernel, epilogue_vectorises},
        matmul::{Kind, Schedule, Sizes, add_parts, parts_buffer, parts_within},
        tuner::{self, Question},
    },
    tensor::{
        Tensor, Wgsl,
        expr::{Leaf, Plan},
        wgsl,
    },
};
use std::sync::Arc;

/// Positions of the results that are found alike: all of them, or every `stride`-th.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    /// For each element of a window its position among the weights and how far it lies from the corner.
    pub taps: Vec<(isize, [isize; 3])>,
    /// How many positions there are along each axis.
    pub count: [usize; 3],
    /// The first of them.
    pub shift: [usize; 3],
}

/// The left operand.
pub(super) enum Weights<'a> {
    /// A matrix of as many columns as there are steps.
    Matrix { leaf: &'a Leaf, shape: [usize; 2] },
    /// Memory, of which the table knows where each step's weight lies: distances of groups, of rows, and of the channels.
    Table { leaf: &'a Leaf, group: isize, row: isize, channel: isize },
}

/// Such a product.
pub(super) struct Gather<'a> {
    pub images: usize,
    pub groups: usize,
    /// Rows of the results in each group.
    pub rows: usize,
    /// Channels of the source in each group.
    pub channels: usize,
    pub source: &'a Tensor,
    /// Lengths of the source's axes.
    pub size: [usize; 3],
    /// Distance between corners.
    pub stride: [usize; 3],
    pub phases: Vec<Phase>,
    /// Lengths of the results' axes, and the distance of one phase's positions.
    pub lengths: [usize; 3],
    pub apart: [usize; 3],
    pub weights: Weights<'a>,
}

/// Distances in memory of images, channels, and the three axes.
pub(super) fn strides(x: &Tensor) -> [isize; 5] {
    let s = &x.view.strides;
    let mut all = [s[0], s[1], 0, 0, 0];
    let sides = &s[2..];
    all[5 - sides.len()..].copy_from_slice(sides);
    all
}

/// Where a channel's element lies that is this far away from the corner.
pub(super) fn offset(s: [isize; 5], channel: usize, away: [isize; 3]) -> isize {
    channel as isize * s[1] + (0..3).map(|a| away[a] * s[2 + a]).sum::<isize>()
}

/// Whether some position's window lies over the edge along each axis.
pub(super) fn over_the_edge(phases: &[Phase], stride: [usize; 3], size: [usize; 3]) -> usize {
    let over = |a: usize| {
        phases.iter().any(|p| {
            let far = ((p.count[a].max(1) - 1) * stride[a]) as isize;
            p.taps.iter().any(|(_, away)| away[a] < 0 || far + away[a] >= size[a] as isize)
        })
    };
    axes_over_the_edge([over(0), over(1), over(2)])
}

/// A parameter that may be below zero: arithmetic of positions wraps.
pub(super) fn signed(kernel: &mut Kernel<'_>, name: &'static str, value: isize) {
    kernel.word(name, value as i32 as u32 as usize);
}

impl Gather<'_> {
    /// Runs it by a schedule, or by the one that the rule or the tuner names.
    pub fn run(&self, gpu: &Arc<Gpu>, key: &[isize], schedule: Option<Schedule>, plan: &Plan) -> Result<()> {
        let (source, at) = self.source.buffer()?;
        let s = strides(self.source);
        let phased = self.phases.len() > 1;
        let (weighted, channel) = match &self.weights {
            Weights::Matrix { .. } => (false, 0),
            Weights::Table { channel, .. } => (true, *channel),
        };
        let axes = over_the_edge(&self.phases, self.stride, self.size);
        let steps = |p: &Phase| p.taps.len() * self.channels;
        let entries: usize = self.phases.iter().map(steps).sum();
        let make = || {
            let mut table = Table::new(axes, weighted);
            let mut heads = vec![];
            for p in &self.phases {
                heads.extend([table.len(), steps(p)].iter().chain(&p.count).chain(&p.shift).map(|&n| n as i32));
                for c in 0..self.channels {
                    for (weight, away) in &p.taps {
                        table.push(offset(s, c, *away), c as isize * channel + weight, *away);
                    }
                }
            }
            table.words.extend(heads);
            table.words
        };
        let kind = [axes as isize, isize::from(weighted), channel];
        let buffer = table::on_device(gpu, [key, &s, &kind].concat(), make)?;
        let area = |p: &Phase| p.count.iter().product::<usize>();
        let sizes = Sizes {
            m: self.rows,
            n: self.images * self.phases.iter().map(area).max().unwrap_or(0),
            k: self.phases.iter().map(steps).max().unwrap_or(0),
            batches: self.groups * self.phases.len(),
        };
        let Some(mut schedule) = schedule else {
            let question = || {
                let [m, n, k, count] = [sizes.m, sizes.n, sizes.k, sizes.batches].map(tuner::bucket);
                let Gather { stride, apart, .. } = self;
                let about = format!("{m} {n} {k} {count} {stride:?} {apart:?} {axes} {weighted} {:?}", plan.compute);
                Question { kind: "convolution", about, work: sizes.work() }
            };
            let candidates = Schedule::candidates(&sizes, Kind::of(gpu));
            let best = tuner::choose(gpu, question, &candidates, |s| self.run(gpu, key, Some(s), plan))?;
            return self.run(gpu, key, Some(best), plan);
        };
        schedule.parts = parts_within(gpu, schedule.parts, plan);
        let mut operands: Vec<Wgsl> = vec![
            wgsl!("convolution/phase.wgsl"),
            wgsl!("convolution/table.wgsl"),
            wgsl!("convolution/cell.wgsl"),
            wgsl!("convolution/patches.wgsl"),
        ];
        operands.push(if weighted { wgsl!("convolution/weights.wgsl") } else { wgsl!("gemm/matrix_a.wgsl") });
        let columns = self.lengths.iter().product();
        let by_four = !phased && schedule.stores_vectors() && epilogue_vectorises(plan, 2, columns);
        operands.extend_from_slice(if by_four {
            &[wgsl!("convolution/put4_images.wgsl")]
        } else if schedule.parts > 1 {
            &[wgsl!("gemm/put4.wgsl"), wgsl!("convolution/put.wgsl"), wgsl!("convolution/deliver_part.wgsl")]
        } else {
            &[wgsl!("gemm/put4.wgsl"), wgsl!("convolution/put.wgsl"), wgsl!("convolution/deliver.wgsl")]
        });
        let vectors = match &self.weights {
            Weights::Matrix { leaf, shape } if !schedule.block.is_direct() => {
                leaf.offset.is_multiple_of(4) && shape[1].is_multiple_of(4) && leaf.strides[0] % 4 == 0
            }
            _ => false,
        };
        if !schedule.block.is_direct() {
            operands.push(if vectors { wgsl!("gemm/fetch_a_vectors.wgsl") } else { wgsl!("gemm/fetch_a.wgsl") });
            operands.push(wgsl!("gemm/fetch_b.wgsl"));
        }
        let files = schedule.files(&operands);
        let mut kernel = Kernel::new("convolution", gpu, plan.compute, &files);
        if !schedule.block.is_direct() {
            kernel.constant("A_ALONG_K", 1);
            kernel.constant("B_ALONG_K", 0);
        }
        kernel.constant("PHASED", u32::from(phased));
        kernel.constant("WEIGHTED", u32::from(weighted));
        kernel.constant("AXES", axes as u32);
        kernel.memory("s", &source, self.source.dtype(), true);
        kernel.integers("table", &buffer, 0, true);
        match &self.weights {
            Weights::Matrix { leaf, shape } => kernel.matrix("a", leaf, shape, 1, vectors),
            Weights::Table { leaf, group, row, .. } => {
                kernel.memory("w", &leaf.buffer, leaf.dtype, true);
                kernel.word("w_source", leaf.offset);
                signed(&mut kernel, "w_group", *group);
                signed(&mut kernel, "w_channel", *row);
            }
        }
        kernel.word("k", sizes.k);
        kernel.word("images", self.images);
        kernel.word("outputs", self.groups * self.rows);
        kernel.word("columns", columns);
        kernel.word("phases", self.phases.len());
        kernel.word("phase_table", entries * (1 + usize::from(weighted) + axes));
        for (names, values) in [
            (["count0", "count1", "count2"], self.phases[0].count),
            (["stride0", "stride1", "stride2"], self.stride),
            (["size0", "size1", "size2"], self.size),
            (["apart0", "apart1", "apart2"], self.apart),
        ] {
            names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
        }
        kernel.word("length1", self.lengths[1]);
        kernel.word("length2", self.lengths[2]);
        kernel.word("source", at + self.source.view.offset);
        signed(&mut kernel, "s_image", s[0]);
        signed(&mut kernel, "s_group", self.channels as isize * s[1]);
        for (name, stride) in ["s_0", "s_1", "s_2"].into_iter().zip(&s[2..]) {
            signed(&mut kernel, name, *stride);
        }
        if schedule.parts > 1 {
            let buffer = parts_buffer(&mut kernel, schedule.parts, plan)?;
            schedule.launch(kernel, &sizes);
            return add_parts(buffer, schedule.parts, plan);
        }
        if by_four {
            kernel.epilogue_fours(plan, Index::Split(2));
        } else {
            kernel.epilogue(plan, Index::Split(2));
        }
        schedule.launch(kernel, &sizes);
        Ok(())
    }
}
