//! Softmax along an axis, its logarithm, and the gradients of both, in one kernel each.

use super::{
    super::{
        elementwise::{self, Lane, Reading, Writing},
        emit::{Index, Kernel, fold},
        fuse::{self, Prologue},
        moments::wide,
        parallel,
        reduce::Reduction,
        split::{self, Operand},
    },
    is_long, last, passes, row_threads,
};
use crate::{
    device::{Device, Gpu},
    error::Result,
    shape::{DType, View},
    tensor::{
        Tensor, Wgsl,
        expr::{Launcher, Operands, Output, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

impl Tensor {
    /// `exp(x) / sum(exp(x))` along `axis`, or its logarithm, safe for any finite input; one kernel, but by reductions
    /// where a row is long.
    pub(crate) fn softmax_rows(&self, axis: usize, log: bool) -> Tensor {
        let length = self.shape()[axis];
        if is_long(self.device(), self.size() / length.max(1), length) {
            let x = self.cast(wide(self.dtype()));
            let (largest, log_sum) = x.long_rows(axis);
            let y = x.sub(&largest).sub(&log_sum);
            return if log { y } else { y.exp() }.cast(self.dtype());
        }
        Softmax { axis, log, gradient: false }.of(&[self])
    }

    /// The gradient of [`Tensor::softmax_rows`] from its result and that of the result: `y * (gy - sum(y * gy))`, of the
    /// logarithm `gy - exp(y) * sum(gy)`. One kernel, but a reduction and an elementwise one where a row is long.
    pub(crate) fn softmax_rows_grad(&self, gy: &Tensor, axis: usize, log: bool) -> Tensor {
        let length = self.shape()[axis];
        if is_long(self.device(), self.size() / length.max(1), length) {
            let [y, gy] = [self, gy].map(|t| t.cast(wide(t.dtype())));
            let total = |x: Tensor| x.reduce(Reduction::Sum, Some(&[axis as isize]), true);
            let gx = if log { gy.sub(&y.exp().mul(&total(gy.clone()))) } else { y.mul(&gy.sub(&total(y.mul(&gy)))) };
            return gx.cast(self.dtype());
        }
        // Memory, so that the gradient's expression is all that can take more than a binding.
        self.force();
        Softmax { axis, log, gradient: true }.of(&[self, gy])
    }
}

/// Of `x`, or as a gradient of `(y, gy)`.
#[derive(Debug)]
struct Softmax {
    axis: usize,
    log: bool,
    gradient: bool,
}

impl Softmax {
    /// The result, pending.
    fn of(self, args: &[&Tensor]) -> Tensor {
        let (device, shape, dtype) = (args[0].device(), args[0].shape().clone(), args[0].dtype());
        elementwise::pending(device, Root::Kernel(Arc::new(self)), args, shape, dtype)
    }
}

impl Launcher for Softmax {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        let order = last(plan.shape.len(), self.axis);
        let kept = order.len() - 1;
        let output = &plan.outputs[0];
        let mut view = View::contiguous(plan.shape.clone());
        view.offset = output.offset;
        let view = view.permute(&order);
        if let Device::Gpu(gpu) = &plan.device
            && !view.is_contiguous()
            && split::cells(gpu, &view.shape, kept, Operand::of_result(output, &view), 8).is_err()
        {
            // Rows of the result reach over more than a binding: they are computed in one piece each, then copied.
            let rows: Vec<Tensor> =
                args.into_iter().map(|x| x.with_view(x.view.permute(&order)).contiguous()).collect();
            let of = match &rows[..] {
                [y, gy] => y.softmax_rows_grad(gy, kept, self.log),
                _ => rows[0].softmax_rows(kept, self.log),
            };
            return elementwise::assign(of, &output.buffer, &view);
        }
        let read = |x: Tensor| {
            // A CPU takes what it computed from its cache when it reads a row again.
            let x = if plan.device.is_cpu() { fuse::whole_prologue(x) } else { fuse::prologue_read_often(x) };
            x.map(|x| x.permute(&order))
        };
        let operands: Vec<Prologue> = args.into_iter().map(read).collect::<Result<_>>()?;
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                match operands[0].plan.compute {
                    DType::F32 => self.run_cpu::<f32>(&operands, output, &view),
                    _ => self.run_cpu::<f64>(&operands, output, &view),
                }
                Ok(())
            }
            Device::Gpu(gpu) => self.run_gpu(gpu, plan, operands, &view),
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        false
    }
}

impl Softmax {
    fn run_gpu(&self, gpu: &Arc<Gpu>, plan: &Plan, operands: Vec<Prologue>, view: &View) -> Result<()> {
        const FORWARD: &[Wgsl] =
            &[wgsl!("math/limits.wgsl"), wgsl!("rows/largest_and_sum.wgsl"), wgsl!("rows/softmax.wgsl")];
        const BACKWARD: &[Wgsl] = &[wgsl!("rows/softmax_grad.wgsl")];
        let output = &plan.outputs[0];
        let kept = view.shape.len() - 1;
        let length = view.shape[kept];
        let together = |operand: Prologue| split::with_rows_together(gpu, operand, kept);
        let operands: Vec<Prologue> = operands.into_iter().map(together).collect::<Result<_>>()?;
        let launch = |operands: &[Prologue], view: &View| {
            let (name, files, names): (_, _, &[_]) = match self.gradient {
                false => ("softmax", FORWARD, &["x"]),
                true => ("softmax_grad", BACKWARD, &["y", "gy"]),
            };
            let rows = view.size() / length;
            let mut kernel = Kernel::over_rows(name, gpu, plan.compute, files);
            kernel.constant("LOG", u32::from(self.log));
            names.iter().zip(operands).for_each(|(name, operand)| kernel.rows(name, operand, kept));
            kernel.output_view("out", &output.buffer, output.storage.dtype, view, Index::Split(kept));
            let threads = row_threads(&mut kernel, length);
            kernel.word("rows", rows);
            kernel.word("length", length);
            kernel.launch(fold(rows.div_ceil(256 / threads)));
        };
        let leaves = operands.iter().flat_map(|o| Operand::of_leaves(&o.plan.leaves));
        match split::cells(gpu, &view.shape, kept, leaves.chain(Operand::of_result(output, view)), 8)? {
            None => launch(&operands, view),
            Some(cells) => cells.iter().for_each(|cell| {
                let shown: Vec<Prologue> = operands.iter().map(|o| cell.of_prologue(o)).collect();
                launch(&shown, &cell.of_view(view));
            }),
        }
        Ok(())
    }

    fn run_cpu<R: Lane>(&self, operands: &[Prologue], output: &Output, view: &View) {
        /// Elements of short rows that are read at once.
        const MANY: usize = 2048;
        let length = view.shape[view.shape.len() - 1];
        let rows = view.size() / length;
        let operands: Vec<Reading<'_, R>> = operands.iter().map(Reading::new).collect();
        let to = Writing::<R>::new(&output.buffer, output.storage.dtype, view);
        let each = (MANY / length).max(1);
        parallel::ranges(rows.div_ceil(each), each * length * 8, 1, |range| {
            let mut kept = [vec![], vec![], vec![]];
            for first in range.map(|i| i * each) {
                let (at, n) = (first * length, each.min(rows - first) * length);
                let [a, b, own] = &mut kept;
                let a = operands[0].read(at, n, a);
                let b = operands.get(1).map(|b_| b_.read(at, n, b));
                let fill = |out: &mut [R]| {
                    let rows = out.chunks_exact_mut(length).zip(a.chunks_exact(length));
                    match b {
                        None => rows.for_each(|(y, x)| passes::normalise(x, y, self.log)),
                        Some(gy) => rows
                            .zip(gy.chunks_exact(length))
                            .for_each(|((gx, y), gy)| passes::gradient(y, gy, gx, self.log)),
                    }
                };
                // SAFETY: the output is known to nobody else yet, and each of its elements is written once.
                unsafe { to.write(at, n, own, fill) };
            }
        });
    }
}
