//! Work on tensors larger than a binding whose kernels look at a tensor as a whole: it is done in parts along the first
//! axis, each in memory of its own.

use crate::{
    device::{Device, Gpu},
    shape::Shape,
    tensor::{State, Tensor},
};
use std::ops::Range;

/// The parts of the first axis that operands and results can be seen in by one kernel, and that are no more than a launch
/// should do of `work` operations in all; `None` where the whole is one part, or the first axis cannot be cut.
pub(super) fn slabs(
    device: &Device,
    operands: &[&Tensor],
    results: &[&Shape],
    work: usize,
) -> Option<Vec<Range<usize>>> {
    let Device::Gpu(gpu) = device else { return None };
    let length = operands[0].shape().first().copied().unwrap_or(1);
    let most = shown_whole(gpu);
    let of_operands = operands.iter().map(|x| extent(x));
    let largest = of_operands.chain(results.iter().map(|s| s.size() * 4)).max().unwrap_or(0);
    if length < 2 || (largest <= most && work <= gpu.max_work()) {
        return None;
    }
    let each = (length * most / largest.max(1)).min(length * gpu.max_work() / work.max(1)).clamp(1, length - 1);
    Some((0..length).step_by(each).map(|start| start..(start + each).min(length)).collect())
}

/// Bytes of a tensor that one kernel sees whatever block of the pool it is in.
fn shown_whole(gpu: &Gpu) -> usize {
    // A block of the pool is larger than what was asked for by up to a fifth of it.
    gpu.max_binding() as usize / 5 * 4
}

/// Whether one kernel does not see all of an operand.
pub(super) fn hidden(device: &Device, operands: &[&Tensor]) -> bool {
    matches!(device, Device::Gpu(gpu) if operands.iter().any(|x| extent(x) > shown_whole(gpu)))
}

/// The parts of a table's rows that one binding shows.
pub(super) fn table_parts(gpu: &Gpu, rows: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    let fit = (gpu.max_binding().saturating_sub(512) as usize / (width.max(1) * 4)).max(1);
    let each = if rows <= fit { rows.max(1) } else { fit };
    (0..rows.max(1)).step_by(each).map(move |start| start..(start + each).min(rows))
}

/// Bytes from a tensor's first element in memory to its last, in words.
fn extent(x: &Tensor) -> usize {
    let along = |(&n, &stride): (&usize, &isize)| n.saturating_sub(1) * stride.unsigned_abs();
    (x.shape().iter().zip(&x.view.strides).map(along).sum::<usize>() + 1) * 4
}

/// A part of the first axis, in memory of its own.
pub(super) fn slab(x: &Tensor, part: &Range<usize>) -> Tensor {
    x.narrow(0, part.start, part.len()).copy()
}

/// Parts of the first axis as one.
pub(super) fn together(parts: &[Tensor]) -> Tensor {
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
}

/// The tensor, or a copy in memory that one binding shows all of, for kernels that address it themselves.
pub(super) fn shown(x: Tensor) -> Tensor {
    let Device::Gpu(gpu) = x.device() else { return x };
    let hidden = match &*x.storage.state.lock() {
        State::Ready(buffer, _) => buffer.whole_bytes() > gpu.max_binding(),
        _ => false,
    };
    if hidden && extent(&x) as u64 <= gpu.max_binding() { x.copy() } else { x }
}
