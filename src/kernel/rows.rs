//! Kernels over rows `x[o, :]` of any axis: softmax and log-softmax.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    first,
    fuse::{self, Prologue},
    moments::wide,
    parallel::{self, Disjoint},
    reduce::{Reduction, write_f64},
    row_passes::{Max, Sum, fold_row},
    split::{self, Operand},
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape, View},
    tensor::{
        Storage, Tensor,
        expr::{Launcher, Operands, Plan, Root},
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
        let launcher = Softmax { axis, log };
        elementwise::pending(
            self.device(),
            Root::Kernel(Arc::new(launcher)),
            &[self],
            self.shape().clone(),
            self.dtype(),
        )
    }
}

/// Whether rows are too long for one workgroup each: for its loops, for what a kernel is shown, or because the rest of the
/// adapter would wait.
pub(super) fn is_long(device: &Device, rows: usize, length: usize) -> bool {
    let long = length > 1 << 21 || (length > 1 << 16 && rows < 64) || length > split::longest_row(device);
    !device.is_cpu() && long
}

impl Tensor {
    /// The largest values along an axis, and the logarithms of the sums of `exp(x - largest)`, by reductions that share a
    /// row among workgroups.
    pub(super) fn long_rows(&self, axis: usize) -> (Tensor, Tensor) {
        let axes = [axis as isize];
        let largest = self.reduce(Reduction::Max, Some(&axes), true);
        largest.force();
        let log_sum = self.sub(&largest).exp().reduce(Reduction::Sum, Some(&axes), true).log();
        log_sum.force();
        (largest, log_sum)
    }
}

/// The axes with `axis` last.
pub(super) fn last(ndim: usize, axis: usize) -> Vec<usize> {
    (0..ndim).filter(|&i| i != axis).chain([axis]).collect()
}

#[derive(Debug)]
struct Softmax {
    axis: usize,
    log: bool,
}

impl Launcher for Softmax {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        let x = first(args);
        let order = last(x.ndim(), self.axis);
        let length = x.shape()[self.axis];
        let rows = x.size() / length;
        let output = &plan.outputs[0];
        let mut view = View::contiguous(plan.shape.clone());
        view.offset = output.offset;
        let view = view.permute(&order);
        if let Device::Gpu(gpu) = &plan.device
            && !view.is_contiguous()
            && split::cells(gpu, &view.shape, order.len() - 1, Operand::of_result(output, &view), 8).is_err()
        {
            // Rows of the result reach over more than a binding: they are computed in one piece each, then copied.
            let rows = x.with_view(x.view.permute(&order)).contiguous().softmax_rows(order.len() - 1, self.log);
            return elementwise::assign(rows, &output.buffer, &view);
        }
        let prologue = fuse::prologue_read_often(x)?.permute(&order);
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                match prologue.plan.compute {
                    DType::F32 => {
                        self.run_cpu::<f32>(&prologue, (rows, length), output.storage.dtype, &output.buffer, &view)
                    }
                    _ => self.run_cpu::<f64>(&prologue, (rows, length), output.storage.dtype, &output.buffer, &view),
                }
            }
            Device::Gpu(gpu) => {
                const FILES: &[crate::tensor::Wgsl] =
                    &[wgsl!("math/limits.wgsl"), wgsl!("rows/largest_and_sum.wgsl"), wgsl!("rows/softmax.wgsl")];
                let kept = order.len() - 1;
                let dtype = output.storage.dtype;
                let prologue = split::with_rows_together(gpu, prologue, kept)?;
                let launch = |prologue: &Prologue, view: &View| {
                    let rows = view.size() / length;
                    let mut kernel = Kernel::over_rows("softmax", gpu, plan.compute, FILES);
                    kernel.constant("LOG", u32::from(self.log));
                    kernel.rows("x", prologue, kept);
                    kernel.output_view("y", &output.buffer, dtype, view, Index::Split(kept));
                    let threads = row_threads(&mut kernel, length);
                    kernel.word("rows", rows);
                    kernel.word("length", length);
                    kernel.launch(fold(rows.div_ceil(256 / threads)));
                };
                let operands = Operand::of_leaves(&prologue.plan.leaves).chain(Operand::of_result(output, &view));
                match split::cells(gpu, &view.shape, kept, operands, 8)? {
                    None => launch(&prologue, &view),
                    Some(cells) => cells.iter().for_each(|c| launch(&c.of_prologue(&prologue), &c.of_view(&view))),
                }
                Ok(())
            }
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        false
    }
}

/// Threads that share a row, as the constant `THREADS`: few for short rows, so that one workgroup takes several.
pub(super) fn row_threads(kernel: &mut Kernel<'_>, length: usize) -> usize {
    let threads = match length {
        // A software adapter pays for what threads say to each other; long rows would run into its limit on loops.
        _ if kernel.is_software() && length <= 16_384 => 1,
        0..=16 => 4,
        17..=128 => 16,
        129..=1024 => 64,
        _ => 256,
    };
    kernel.constant("THREADS", threads as u32);
    threads
}

/// The largest value and the sum of `exp(x - largest)`.
pub(super) fn largest_and_sum<R: Lane>(row: &[R]) -> (R, R) {
    struct Pass<'a, R>(&'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = (R, R);
        #[inline(always)]
        fn call(self) -> (R, R) {
            let largest = fold_row(Max, self.0);
            let mut sums = [R::ZERO; LANES];
            let (head, tail) = self.0.as_chunks::<LANES>();
            for chunk in head {
                for (s, &v) in sums.iter_mut().zip(chunk) {
                    *s += R::exp(v - largest);
                }
            }
            for (s, &v) in sums.iter_mut().zip(tail) {
                *s += R::exp(v - largest);
            }
            (largest, fold_row(Sum, &sums))
        }
    }
    pulp::Arch::new().dispatch(Pass(row))
}

/// Exponentials that are added up side by side.
const LANES: usize = 32;

impl Softmax {
    fn run_cpu<R: Lane>(
        &self,
        prologue: &Prologue,
        (rows, length): (usize, usize),
        dtype: DType,
        into: &crate::device::Buffer,
        view: &View,
    ) -> Result<()> {
        let values = elementwise::values::<R>(prologue);
        let direct = view.is_contiguous() && dtype == R::DTYPE;
        let mut staged = if direct { vec![] } else { vec![R::ZERO; rows * length] };
        // SAFETY: the output is known to nobody else yet.
        let out: &mut [R] =
            if direct { unsafe { into.host_mut::<R>(view.offset, rows * length) } } else { &mut staged };
        let shared = Disjoint::new(out);
        parallel::ranges(rows, length * 8, 1, |range| {
            for row in range {
                let x = &values[row * length..(row + 1) * length];
                // SAFETY: each row is written once.
                let y = unsafe { shared.range(row * length..(row + 1) * length) };
                normalise(x, y, self.log);
            }
        });
        if !direct {
            let mut at = 0;
            view.for_each(|position| {
                // SAFETY: as above.
                unsafe { write_f64(into, dtype, position, &[staged[at].to_f64()]) };
                at += 1;
            });
        }
        Ok(())
    }
}

/// A row of softmax or its logarithm; the exponentials are computed once.
fn normalise<R: Lane>(x: &[R], y: &mut [R], log: bool) {
    /// Exponentials of distances from the largest value, divided by their sum.
    struct Softmax<'a, R>(&'a [R], &'a mut [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Softmax<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Softmax(x, y) = self;
            let largest = fold_row(Max, x);
            let mut sums = [R::ZERO; LANES];
            let (head, tail) = x.as_chunks::<LANES>();
            let (to_head, to_tail) = y.split_at_mut(head.len() * LANES);
            for (to, from) in to_head.as_chunks_mut::<LANES>().0.iter_mut().zip(head) {
                for ((y, &x), sum) in to.iter_mut().zip(from).zip(&mut sums) {
                    *y = R::exp(x - largest);
                    *sum += *y;
                }
            }
            for ((y, &x), sum) in to_tail.iter_mut().zip(tail).zip(&mut sums) {
                *y = R::exp(x - largest);
                *sum += *y;
            }
            let scale = R::ONE / fold_row(Sum, &sums);
            y.iter_mut().for_each(|y| *y *= scale);
        }
    }
    /// In this order: the sum of both is as coarse as the largest value.
    struct Distances<'a, R>(&'a [R], &'a mut [R], R, R);
    impl<R: Lane> pulp::NullaryFnOnce for Distances<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Distances(x, y, largest, log_sum) = self;
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - largest) - log_sum);
        }
    }
    if log {
        let (largest, sum) = largest_and_sum(x);
        pulp::Arch::new().dispatch(Distances(x, y, largest, R::ln(sum)));
    } else {
        pulp::Arch::new().dispatch(Softmax(x, y));
    }
}

/// A tensor that failed, for launchers that return values.
pub(crate) fn failed(device: &Device, shape: &Shape, dtype: DType, error: crate::error::Error) -> Tensor {
    Tensor::whole(Storage::failed(device.clone(), dtype, shape.size(), error), shape.clone())
}

/// Rows of an output, and what an element of them costs.
pub(super) struct Rows {
    pub count: usize,
    pub length: usize,
    pub cost: usize,
}

/// Has `f` fill each row of an output from an element on, computed in `R` whatever its dtype, on all cores.
pub(super) fn fill_rows<R: Lane>(
    (out, dtype, at): (&Buffer, DType, usize),
    Rows { count, length, cost }: Rows,
    f: impl Fn(usize, &mut [R]) + Sync,
) {
    if dtype == R::DTYPE {
        // SAFETY: the output is fresh, and known to nobody else.
        let shared = Disjoint::new(unsafe { out.host_mut::<R>(at, count * length) });
        parallel::ranges(count, length * cost, 1, |range| {
            // SAFETY: each row is written once.
            range.for_each(|row| f(row, unsafe { shared.range(row * length..(row + 1) * length) }));
        });
        return;
    }
    let mut values = vec![R::ZERO; length];
    for row in 0..count {
        f(row, &mut values);
        let values: Vec<f64> = values.iter().map(|v| v.to_f64()).collect();
        // SAFETY: as above.
        unsafe { write_f64(out, dtype, at + row * length, &values) };
    }
}
