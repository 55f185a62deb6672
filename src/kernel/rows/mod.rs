//! Kernels over rows `x[o, :]` of any axis: what they share. Softmax, its logarithm and their gradients.

mod passes;
mod softmax;

pub(super) use passes::largest_and_sum;

use super::{
    elementwise::{Lane, Writing},
    emit::Kernel,
    parallel,
    reduce::Reduction,
    split,
};
use crate::{
    device::{Buffer, Device},
    shape::{DType, Shape, View},
    tensor::{Storage, Tensor},
};

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

/// Elements of a row up to which one thread takes it on a software adapter, which pays for what threads say to each other;
/// longer ones would run into its limit on loops.
pub(super) const ALONE: usize = 16_384;

/// Threads that share a row, as the constant `THREADS`: few for short rows, so that one workgroup takes several.
pub(super) fn row_threads(kernel: &mut Kernel<'_>, length: usize) -> usize {
    let threads = match length {
        _ if kernel.is_software() && length <= ALONE => 1,
        0..=16 => 4,
        17..=128 => 16,
        129..=1024 => 64,
        _ => 256,
    };
    kernel.constant("THREADS", threads as u32);
    threads
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
    let mut view = View::contiguous([count * length]);
    view.offset = at;
    let to = Writing::new(out, dtype, &view);
    parallel::ranges(count, length * cost, 1, |range| {
        let mut kept = vec![];
        for row in range {
            // SAFETY: the output is fresh, and each row is written once.
            unsafe { to.write(row * length, length, &mut kept, |y| f(row, y)) };
        }
    });
}
