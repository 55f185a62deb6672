//! Sums over neighbours along an axis: `y[i] = x[i - reach] + .. + x[i + reach]`.

use super::{
    elementwise::{self, BLOCK, Blocks, Epilogue, Lane},
    emit::{Index, Kernel},
    first,
    fuse::{self, Prologue},
    parallel,
};
use crate::{
    device::Device,
    error::Result,
    shape::DType,
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

impl Tensor {
    /// Sums over the neighbours along `axis` that are at most `reach` away; the result is pending.
    pub(crate) fn box_sum(&self, axis: usize, reach: usize) -> Tensor {
        let launcher = BoxSum { axis, reach };
        let shape = self.shape().clone();
        elementwise::pending(self.device(), Root::Kernel(Arc::new(launcher)), &[self], shape, self.dtype())
    }
}

#[derive(Debug)]
struct BoxSum {
    axis: usize,
    reach: usize,
}

impl Launcher for BoxSum {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        let prologue = fuse::whole_prologue(first(args))?;
        let shape = prologue.plan.shape.clone();
        let (length, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                match plan.compute {
                    DType::F32 => self.run_cpu::<f32>(&prologue, plan, length, inner),
                    _ => self.run_cpu::<f64>(&prologue, plan, length, inner),
                }
            }
            Device::Gpu(gpu) => {
                let fours = inner.is_multiple_of(4);
                let files = [if fours { wgsl!("family/box_sum_four.wgsl") } else { wgsl!("family/box_sum.wgsl") }];
                let mut kernel = Kernel::new("box_sum", gpu, prologue.plan.compute, &files);
                if fours {
                    kernel.rows("x", &prologue, self.axis + 1);
                    kernel.epilogue_fours(plan, Index::Flat);
                } else {
                    kernel.input("x", &prologue, Index::Flat);
                    kernel.epilogue(plan, Index::Flat);
                }
                let width = if fours { 4 } else { 1 };
                kernel.word("inner", inner / width);
                kernel.word("length", length);
                kernel.word("reach", self.reach.min(length));
                kernel.launch_elements(shape.size() / width);
            }
        }
        Ok(())
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}

/// Elements that a task holds at once: half of a second-level cache.
const HELD: usize = 1 << 16;

impl BoxSum {
    /// Tasks take some neighbours through all lines: values, sums and what follows stay in the cache.
    fn run_cpu<R: Lane>(&self, prologue: &Prologue, plan: &Plan, length: usize, inner: usize) {
        let (blocks, epilogue) = (Blocks::<R>::new(&prologue.plan), Epilogue::<R>::new(plan));
        let width = (HELD / length).clamp(64, BLOCK).min(inner);
        let (whole, parts) = (length * inner, inner.div_ceil(width));
        parallel::ranges(plan.shape.size() / whole * parts, length * width * 8, 1, |range| {
            let mut memory = vec![R::ZERO; 2 * length * width];
            for part in range {
                let first = part % parts * width;
                let n = width.min(inner - first);
                // Lines as a whole lie in one piece.
                let (runs, run) = if n == inner { (1, whole) } else { (length, n) };
                let (x, y) = memory[..2 * length * n].split_at_mut(length * n);
                let start = |i: usize| part / parts * whole + i * inner + first;
                for (i, x) in x.chunks_mut(run).enumerate() {
                    for (k, x) in x.chunks_mut(BLOCK).enumerate() {
                        let wanted = [prologue.source];
                        blocks.compute(start(i) + k * BLOCK, x.len(), &wanted, |_, values| x.copy_from_slice(values));
                    }
                }
                pulp::Arch::new().dispatch(Lines { x, y, n, reach: self.reach });
                for (i, y) in y.chunks(run).enumerate().take(runs) {
                    epilogue.apply(start(i), y);
                }
            }
        });
    }
}

/// `y[i] = x[i - reach] + .. + x[i + reach]` of lines of `n` elements.
struct Lines<'a, R> {
    x: &'a [R],
    y: &'a mut [R],
    n: usize,
    reach: usize,
}

impl<R: Lane> pulp::NullaryFnOnce for Lines<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Lines { x, y, n, reach } = self;
        let length = x.len() / n;
        for (at, y) in y.chunks_exact_mut(n).enumerate() {
            let first = at - at.min(reach);
            y.copy_from_slice(&x[first * n..(first + 1) * n]);
            for from in first + 1..=at + (length - 1 - at).min(reach) {
                for (y, &x) in y.iter_mut().zip(&x[from * n..(from + 1) * n]) {
                    *y += x;
                }
            }
        }
    }
}
