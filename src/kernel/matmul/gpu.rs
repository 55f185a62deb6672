//! Products on a GPU: a schedule's kernel, with matrices in memory as its operands.

use super::{
    Matmul, Rule,
    schedule::{Kind, Schedule, Sizes},
};
use crate::{
    device::{Buffer, Gpu, Tag},
    error::Result,
    kernel::{
        WORKSPACE,
        emit::{Index, Kernel, epilogue_vectorises},
        reduce,
        tuner::{self, Question},
    },
    shape::{MatmulShape, Shape},
    tensor::{
        Storage, Tensor, Wgsl,
        expr::{Leaf, Plan},
        wgsl,
    },
};
use std::sync::Arc;

/// Along which axis the neighbours of a matrix lie, as the kernels' constants have it.
pub(in crate::kernel) const ALONG_K: u32 = 1;

/// An operand as `(batch.., rows, k)` in memory.
pub(super) fn leaf(x: &Tensor) -> Result<Leaf> {
    let (buffer, offset) = x.buffer()?;
    Ok(Leaf { buffer, offset: offset + x.view.offset, strides: x.view.strides.clone(), dtype: x.dtype() })
}

/// Whether the matrix is read as vectors of four, and along k; rows are those of the last axis but one.
pub(in crate::kernel) fn reads_vectors(leaf: &Leaf, shape: &[usize]) -> (bool, u32) {
    let last = shape.len() - 1;
    let unit = |axis: usize| leaf.strides[axis] == 1;
    let along = if unit(last) || !unit(last - 1) { last } else { last - 1 };
    let others = leaf.strides.iter().enumerate().filter(|&(axis, _)| axis != along && shape[axis] > 1);
    let aligned = leaf.offset.is_multiple_of(4) && others.clone().all(|(_, s)| s % 4 == 0);
    (unit(along) && aligned && shape[along].is_multiple_of(4), u32::from(along == last))
}

/// As many of the parts of sums as one binding shows, and the workspace holds.
pub(in crate::kernel) fn parts_within(gpu: &Gpu, parts: usize, plan: &Plan) -> usize {
    let most = WORKSPACE.min(gpu.max_binding() as usize) / (plan.shape.size().max(1) * 4);
    parts.min(most.max(1))
}

/// A buffer for the parts of sums, as the kernel's output `part`.
pub(in crate::kernel) fn parts_buffer(kernel: &mut Kernel<'_>, parts: usize, plan: &Plan) -> Result<Buffer> {
    let buffer = Tag::Workspace.during(|| plan.device.allocate((parts * plan.shape.size()) as u64 * 4))?;
    kernel.output("part", &buffer, plan.compute, 0);
    Ok(buffer)
}

/// Adds the parts up and stores the plan's outputs.
pub(in crate::kernel) fn add_parts(buffer: Buffer, parts: usize, plan: &Plan) -> Result<()> {
    let n = plan.shape.size();
    let storage = Storage::ready(plan.device.clone(), plan.compute, parts * n, buffer, None);
    reduce::sum_parts(Tensor::whole(storage, Shape::from([parts, n])), plan)
}

impl Matmul {
    pub(super) fn run_gpu(&self, gpu: &Arc<Gpu>, a: &Tensor, b: &Tensor, plan: &Plan) -> Result<()> {
        let (a, b) = (leaf(a)?, leaf(b)?);
        match self.cells(gpu, &a, &b, plan)? {
            None => self.run_whole(gpu, (&a, &b), plan),
            Some(cells) => self.run_cells(gpu, (&a, &b), &cells, plan),
        }
    }

    /// Computes what one kernel can.
    pub(super) fn run_whole(&self, gpu: &Arc<Gpu>, (a, b): (&Leaf, &Leaf), plan: &Plan) -> Result<()> {
        let MatmulShape { batch, m, n, k } = &self.shape;
        let mut sizes = Sizes { m: *m, n: *n, k: *k, batches: batch.size() };
        if b.strides[..batch.len()].iter().all(|&s| s == 0) {
            // One right side for every batch: all rows of the left sides are one matrix.
            sizes = Sizes { m: sizes.m * sizes.batches, batches: 1, ..sizes };
        }
        let kind = if self.rule == Rule::Adapter { Kind::of(gpu) } else { Kind::Hardware };
        let schedule = match self.rule {
            Rule::Exactly(schedule) => schedule,
            _ if sizes.m == 1 || sizes.n == 1 => return self.run_vector(gpu, (a, b), sizes, kind, plan),
            _ => {
                let question = || {
                    let [m, n, k, count] = [sizes.m, sizes.n, sizes.k, sizes.batches].map(tuner::bucket);
                    let across = |leaf: &Leaf| leaf.strides.last() != Some(&1);
                    let (turned, dtypes) = ([across(a), across(b)], [a.dtype, plan.compute]);
                    let about = format!("{m} {n} {k} {count} {turned:?} {dtypes:?}");
                    Question { kind: "matmul", about, work: sizes.work() }
                };
                let candidates = Schedule::candidates(&sizes, kind);
                let launch = |schedule| self.run_scheduled(gpu, (a, b), sizes, schedule, plan);
                tuner::choose(gpu, question, &candidates, launch)?
            }
        };
        self.run_scheduled(gpu, (a, b), sizes, schedule, plan)
    }

    pub(super) fn run_scheduled(
        &self,
        gpu: &Arc<Gpu>,
        (a, b): (&Leaf, &Leaf),
        sizes: Sizes,
        mut schedule: Schedule,
        plan: &Plan,
    ) -> Result<()> {
        let MatmulShape { batch, m, n, k } = &self.shape;
        schedule.parts = parts_within(gpu, schedule.parts, plan);
        let shape = |rows: usize| Shape::from([&batch[..], &[rows, *k]].concat());
        let (shape_a, shape_b) = (shape(*m), shape(*n));
        let ((mut vectors_a, along_a), (mut vectors_b, along_b)) =
            (reads_vectors(a, &shape_a), reads_vectors(b, &shape_b));
        // A row that four are read of must not be cut by the end of a batch.
        vectors_a &= !schedule.block.is_direct();
        vectors_b &= !schedule.block.is_direct();
        let mut operands: Vec<Wgsl> =
            vec![wgsl!("gemm/flat.wgsl"), wgsl!("gemm/matrix_a.wgsl"), wgsl!("gemm/matrix_b.wgsl")];
        let by_four = schedule.stores_vectors() && epilogue_vectorises(plan, self.lead, *n);
        operands.extend_from_slice(schedule.puts(by_four));
        if !schedule.block.is_direct() {
            operands.push(if vectors_a { wgsl!("gemm/fetch_a_vectors.wgsl") } else { wgsl!("gemm/fetch_a.wgsl") });
            operands.push(if vectors_b { wgsl!("gemm/fetch_b_vectors.wgsl") } else { wgsl!("gemm/fetch_b.wgsl") });
        }
        let files = schedule.files(&operands);
        let mut kernel = Kernel::new("matmul", gpu, plan.compute, &files);
        if !schedule.block.is_direct() {
            kernel.constant("A_ALONG_K", along_a);
            kernel.constant("B_ALONG_K", along_b);
        }
        let lead = batch.len() + 1;
        kernel.matrix("a", a, &shape_a, lead, vectors_a);
        kernel.matrix("b", b, &shape_b, lead, vectors_b);
        kernel.word("k", *k);
        if schedule.parts > 1 {
            let buffer = parts_buffer(&mut kernel, schedule.parts, plan)?;
            schedule.launch(kernel, &sizes);
            return add_parts(buffer, schedule.parts, plan);
        }
        if by_four {
            kernel.epilogue_fours(plan, Index::Split(self.lead));
        } else {
            kernel.epilogue(plan, Index::Split(self.lead));
        }
        kernel.word("columns", *n);
        schedule.launch(kernel, &sizes);
        Ok(())
    }
}
