//! How a product is shared among threads, by a rule from its sizes and the kind of adapter.

use crate::{
    device::Gpu,
    kernel::emit::{Kernel, fold},
    tensor::{Wgsl, wgsl},
};

/// The sizes of a product: `batches` of (m, k) by (k, n).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) struct Sizes {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub batches: usize,
}

impl Sizes {
    /// Multiplications and additions of the product.
    pub fn work(&self) -> f64 {
        [self.m, self.n, self.k, self.batches].iter().map(|&n| n as f64).product::<f64>() * 2.0
    }
}

/// Adapters by what their kernels spend their time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) enum Kind {
    Hardware,
    /// A software adapter.
    Software,
    /// A software adapter on which eight threads are lanes of one vector, and tell each other what they loaded.
    Lanes,
}

impl Kind {
    pub fn of(gpu: &Gpu) -> Kind {
        match (gpu.is_software(), gpu.subgroup_lanes() >= 8) {
            (false, _) => Kind::Hardware,
            (true, false) => Kind::Software,
            (true, true) => Kind::Lanes,
        }
    }
}

/// What one workgroup or one thread computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) enum Block {
    /// A thread takes one result: for products of one row, which would leave most of a tile unused.
    Direct1x1,
    /// A thread takes 8 by 8 results straight from memory: a barrier costs a software adapter what it saves on a GPU.
    Direct8x8,
    /// A thread takes 8 by 16 results: a quarter faster than 8 by 8 on llvmpipe, but compiled in twice the time.
    Direct8x16,
    /// Eight threads take 16 by 32 results: each load serves all of them, where a thread by itself loads as much for 8 by 8.
    Broadcast16x32,
    /// Eight threads take 32 by 32 results: half the loads for each product, compiled in twice the time.
    Broadcast32x32,
    /// A workgroup of 64 threads takes 32 by 32 results through workgroup memory, each thread 4 by 4 of them.
    Tiled32,
    /// A workgroup of 64 threads takes 64 by 64 results, each thread 8 by 8 of them.
    Tiled64,
    /// A workgroup of 256 threads takes 128 by 128 results, each thread 8 by 8 of them.
    Tiled128,
}

impl Block {
    /// Rows and columns of results.
    pub fn sides(self) -> [usize; 2] {
        match self {
            Block::Direct1x1 => [1, 1],
            Block::Direct8x8 => [8, 8],
            Block::Direct8x16 => [8, 16],
            Block::Broadcast16x32 => [16, 32],
            Block::Broadcast32x32 => [32, 32],
            Block::Tiled32 => [32, 32],
            Block::Tiled64 => [64, 64],
            Block::Tiled128 => [128, 128],
        }
    }

    /// Whether each thread reads its operands by itself, one step after the other.
    pub fn is_direct(self) -> bool {
        matches!(self, Block::Direct1x1 | Block::Direct8x8 | Block::Direct8x16)
    }

    fn is_broadcast(self) -> bool {
        matches!(self, Block::Broadcast16x32 | Block::Broadcast32x32)
    }

    fn is_tiled(self) -> bool {
        matches!(self, Block::Tiled32 | Block::Tiled64 | Block::Tiled128)
    }

    /// Steps from one fetch to the next.
    pub fn jump(self) -> usize {
        if self.is_tiled() { Schedule::DEPTH } else { 4 }
    }

    /// The files of the schedule itself; operands, places and results have their own.
    fn files(self) -> &'static [Wgsl] {
        const SMALL: &[Wgsl] = &[wgsl!("gemm/tiled.wgsl"), wgsl!("gemm/registers_4x4.wgsl")];
        const LARGE: &[Wgsl] = &[wgsl!("gemm/tiled.wgsl"), wgsl!("gemm/registers_8x8.wgsl")];
        match self {
            Block::Direct1x1 => &[wgsl!("gemm/direct_1x1.wgsl")],
            Block::Direct8x8 => &[wgsl!("gemm/direct_8x8.wgsl")],
            Block::Direct8x16 => &[wgsl!("gemm/direct_8x16.wgsl")],
            Block::Broadcast16x32 => &[wgsl!("gemm/broadcast_16x32.wgsl")],
            Block::Broadcast32x32 => &[wgsl!("gemm/broadcast_32x32.wgsl")],
            Block::Tiled32 => SMALL,
            Block::Tiled64 | Block::Tiled128 => LARGE,
        }
    }
}

/// A block, and how many parts a sum is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) struct Schedule {
    pub block: Block,
    pub parts: usize,
}

/// Steps that one thread may take: on llvmpipe its loops end after 65,535, and long ones trip watchdogs elsewhere.
const LONGEST: usize = 32_768;

/// Steps for which what a block of 32 by 32 results is of, 64 rows, stays in a second-level cache of 1 MB.
const CACHED: usize = 4096;

/// Operators after a product beyond which they are compiled once rather than once for each row; an estimate.
const LONG: usize = 8;

impl Schedule {
    /// Steps of a slice in workgroup memory.
    pub const DEPTH: usize = 16;

    /// The rule.
    pub fn of(sizes: &Sizes, kind: Kind) -> Schedule {
        let Sizes { m, n, k, batches } = *sizes;
        let tiles = |block: Block| m.div_ceil(block.sides()[0]) * n.div_ceil(block.sides()[1]) * batches;
        let block = if m == 1 {
            Block::Direct1x1
        } else if kind == Kind::Lanes && m > 8 && n > 8 {
            // The larger one where it has work enough to make up for being compiled, and not in many small products.
            if m > 16 && m * n * k >= 1 << 22 && m * n * k * batches >= 1 << 27 {
                Block::Broadcast32x32
            } else {
                Block::Broadcast16x32
            }
        } else if kind != Kind::Hardware {
            // The larger one where it has work enough to make up for being compiled.
            if n > 8 && m * n * k * batches > 1 << 22 { Block::Direct8x16 } else { Block::Direct8x8 }
        } else if m > 64 && n > 64 && tiles(Block::Tiled128) >= 128 {
            Block::Tiled128
        } else if m > 32 && n > 32 && tiles(Block::Tiled64) >= 64 {
            Block::Tiled64
        } else {
            Block::Tiled32
        };
        // Few results and long sums: parts of them side by side. Each part costs a pass over the results.
        let enough = match block {
            Block::Direct1x1 if kind == Kind::Hardware => 8192,
            Block::Broadcast16x32 | Block::Broadcast32x32 => 8,
            _ if kind == Kind::Hardware => 256,
            _ => 32,
        };
        let shortest = if kind == Kind::Hardware { 128 } else { 64 };
        let wanted = (enough / tiles(block).max(1)).clamp(1, (k / shortest).max(1));
        let longest = if kind == Kind::Lanes { CACHED } else { LONGEST };
        let parts = wanted.max(k.div_ceil(longest)).max(1);
        Schedule { block, parts }
    }

    /// What the rule says, and then what else could be faster.
    pub fn candidates(sizes: &Sizes, kind: Kind) -> Vec<Schedule> {
        let rule = Schedule::of(sizes, kind);
        let blocks: &[Block] = match kind {
            Kind::Hardware => &[Block::Tiled32, Block::Tiled64, Block::Tiled128],
            Kind::Software => &[Block::Direct8x8, Block::Direct8x16],
            Kind::Lanes => &[Block::Direct8x8, Block::Direct8x16, Block::Broadcast16x32, Block::Broadcast32x32],
        };
        let mut found = vec![rule];
        for &block in blocks {
            // As many parts as the rule has, or no more than a thread's loop asks for.
            for parts in [rule.parts, sizes.k.div_ceil(LONGEST).max(1)] {
                let schedule = Schedule { block, parts };
                if !found.contains(&schedule) {
                    found.push(schedule);
                }
            }
        }
        found
    }

    /// Steps of one part.
    pub fn part(&self, k: usize) -> usize {
        k.div_ceil(self.parts).next_multiple_of(Schedule::DEPTH)
    }

    /// Whether a thread has four neighbouring results in their final form.
    pub fn stores_vectors(&self) -> bool {
        self.parts == 1 && self.block != Block::Direct1x1
    }

    /// Where a product's results go: to parts of sums, or through the operators that follow it, one by one or by vectors.
    pub fn puts(&self, vectors: bool) -> &'static [Wgsl] {
        if self.parts > 1 {
            &[wgsl!("gemm/put4.wgsl"), wgsl!("gemm/put_part.wgsl")]
        } else if vectors {
            &[wgsl!("gemm/put4_vectors.wgsl")]
        } else {
            &[wgsl!("gemm/put4.wgsl"), wgsl!("gemm/put.wgsl")]
        }
    }

    /// All files of a kernel: the schedule's, and its operands'.
    pub fn files(&self, operands: &[Wgsl]) -> Vec<Wgsl> {
        self.block.files().iter().chain(operands).copied().collect()
    }

    /// Adds the schedule's constants and parameters, and launches. `columns` is the epilogue's own parameter.
    pub fn launch(&self, mut kernel: Kernel<'_>, sizes: &Sizes) {
        let [rows, columns] = self.block.sides();
        if self.block.is_tiled() {
            kernel.constant("BLOCK_M", rows as u32);
            kernel.constant("BLOCK_N", columns as u32);
            kernel.constant("DEPTH", Schedule::DEPTH as u32);
        }
        if self.block.is_broadcast() {
            kernel.constant("LOOP", u32::from(kernel.follows() > LONG));
        }
        let (tiles_m, tiles_n) = (sizes.m.div_ceil(rows), sizes.n.div_ceil(columns));
        kernel.word("m", sizes.m);
        kernel.word("n", sizes.n);
        kernel.word("tiles", tiles_m * tiles_n);
        kernel.word("tiles_n", tiles_n);
        kernel.word("batches", sizes.batches);
        kernel.word("parts", self.parts);
        kernel.word("part", self.part(sizes.k));
        let work = tiles_m * tiles_n * sizes.batches * self.parts;
        let threads = match self.block {
            Block::Direct1x1 => 64,
            Block::Direct8x8 | Block::Direct8x16 => 16,
            _ => 1,
        };
        kernel.launch(fold(work.div_ceil(threads)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_fills_an_adapter_and_bounds_a_thread() {
        let of = |m, n, k, batches, kind| Schedule::of(&Sizes { m, n, k, batches }, kind);
        assert_eq!(of(2048, 2048, 2048, 1, Kind::Hardware), Schedule { block: Block::Tiled128, parts: 1 });
        assert_eq!(of(512, 512, 512, 1, Kind::Hardware).block, Block::Tiled64);
        assert_eq!(of(32, 32, 4096, 1, Kind::Hardware), Schedule { block: Block::Tiled32, parts: 32 });
        assert_eq!(of(16, 16, 0, 1, Kind::Software), Schedule { block: Block::Direct8x8, parts: 1 });
        assert_eq!(of(16, 16, 0, 1, Kind::Lanes), Schedule { block: Block::Broadcast16x32, parts: 1 });
        assert_eq!(of(1024, 1024, 1024, 1, Kind::Lanes), Schedule { block: Block::Broadcast32x32, parts: 1 });
        assert_eq!(of(128, 128, 128, 432, Kind::Lanes).block, Block::Broadcast16x32);
        let long = [(1, 1, 1 << 20), (64, 64, 70_000), (8, 3, 65_536), (9, 9, 1 << 20)];
        for ((m, n, k), kind) in long.into_iter().flat_map(|s| [(s, Kind::Software), (s, Kind::Lanes)]) {
            let schedule = of(m, n, k, 1, kind);
            assert!(schedule.part(k) <= 65_535 && schedule.part(k) * schedule.parts >= k, "{schedule:?}");
        }
    }
}
