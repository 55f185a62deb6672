//! Products of a matrix with a vector on a GPU, either way round: bound by reading the matrix once.

use super::{
    Matmul,
    gpu::{ALONG_K, add_parts, parts_buffer, parts_within, reads_vectors},
    schedule::{Kind, Sizes},
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::emit::{Index, Kernel, fold},
    shape::{MatmulShape, Shape},
    tensor::{
        expr::{Leaf, Plan},
        wgsl,
    },
};
use std::sync::Arc;

/// Threads of a workgroup, and the most that share a row.
const GROUP: usize = 256;
/// Steps of one thread at most, and those from which on a part of its own pays.
const MOST: usize = 32_768;

impl Matmul {
    pub(super) fn run_vector(
        &self,
        gpu: &Arc<Gpu>,
        (a, b): (&Leaf, &Leaf),
        sizes: Sizes,
        kind: Kind,
        plan: &Plan,
    ) -> Result<()> {
        let MatmulShape { batch, m, n, k } = &self.shape;
        let shape = |rows: usize| Shape::from([&batch[..], &[rows, *k]].concat());
        let (a, b) = ((a, shape(*m)), (b, shape(*n)));
        // The matrix is the operand of many rows.
        let ((w, shape_w), (x, shape_x), rows) = if sizes.n == 1 { (a, b, sizes.m) } else { (b, a, sizes.n) };
        let (fours, along) = reads_vectors(w, &shape_w);
        let software = kind != Kind::Hardware && rows > 0;
        let (file, tile) = if software && fours && along != ALONG_K {
            (wgsl!("gemm/vector_across.wgsl"), 128)
        } else if software && fours && reads_vectors(x, &shape_x) == (true, ALONG_K) {
            (wgsl!("gemm/vector_along.wgsl"), 64)
        } else {
            return self.run_shared_rows(gpu, [(w, &shape_w), (x, &shape_x)], (rows, sizes.batches), kind, plan);
        };
        let tiles = rows.div_ceil(tile);
        let groups = tiles * sizes.batches;
        // Some for each core, of steps that are a line of the cache each.
        let wanted = (16 / groups.max(1)).min(k / 256);
        let parts = parts_within(gpu, wanted.max(k.div_ceil(MOST)).max(1), plan);
        let put = if parts > 1 { wgsl!("gemm/put_part.wgsl") } else { wgsl!("gemm/put_flat.wgsl") };
        let files = [file, put];
        let mut kernel = Kernel::new("matmul_vector", gpu, plan.compute, &files);
        kernel.matrix("w", w, &shape_w, batch.len() + 1, true);
        kernel.matrix("x", x, &shape_x, batch.len() + 1, along == ALONG_K);
        kernel.word("part", k.div_ceil(parts).next_multiple_of(16));
        launch(kernel, (rows, *k), (tiles, sizes.batches, parts), plan)
    }

    /// Threads share rows, or each has one of its own.
    fn run_shared_rows(
        &self,
        gpu: &Arc<Gpu>,
        [(w, shape_w), (x, shape_x)]: [(&Leaf, &Shape); 2],
        (rows, batches): (usize, usize),
        kind: Kind,
        plan: &Plan,
    ) -> Result<()> {
        let MatmulShape { batch, k, .. } = &self.shape;
        let (_, along) = reads_vectors(w, shape_w);
        let across = if kind != Kind::Hardware {
            1
        } else if along == ALONG_K {
            k.next_power_of_two().clamp(8, GROUP)
        } else {
            (k / 64).next_power_of_two().clamp(1, 16)
        };
        let tiles = rows.div_ceil(GROUP / across);
        let groups = tiles * batches;
        let wanted = if groups < 64 { (128 / groups.max(1)).min(k / (across * 64)) } else { 1 };
        let parts = parts_within(gpu, wanted.max(k.div_ceil(across * MOST)).max(1), plan);
        let put = if parts > 1 { wgsl!("gemm/put_part.wgsl") } else { wgsl!("gemm/put_flat.wgsl") };
        let files = [wgsl!("gemm/vector.wgsl"), put];
        let mut kernel = Kernel::new("matmul_vector", gpu, plan.compute, &files);
        kernel.constant("ACROSS", across as u32);
        kernel.constant("W_ALONG_K", along);
        kernel.matrix("w", w, shape_w, batch.len() + 1, false);
        kernel.matrix("x", x, shape_x, batch.len() + 1, false);
        kernel.word("part", k.div_ceil(parts));
        launch(kernel, (rows, *k), (tiles, batches, parts), plan)
    }
}

fn launch<'a>(
    mut kernel: Kernel<'a>,
    (rows, k): (usize, usize),
    (tiles, batches, parts): (usize, usize, usize),
    plan: &'a Plan,
) -> Result<()> {
    kernel.word("k", k);
    kernel.word("m", rows);
    kernel.word("tiles", tiles);
    kernel.word("batches", batches);
    kernel.word("parts", parts);
    let groups = fold(tiles * batches * parts);
    if parts > 1 {
        kernel.word("n", 1);
        let buffer = parts_buffer(&mut kernel, parts, plan)?;
        kernel.launch(groups);
        return add_parts(buffer, parts, plan);
    }
    kernel.epilogue(plan, Index::Flat);
    kernel.launch(groups);
    Ok(())
}
