//! Rows normalised to mean 0 and variance 1, scaled and shifted, in one kernel; and the gradient of it in one more, on the
//! CPU with the sums for the gradients of the factors, which on a GPU are those of columns.

mod cpu;

use super::{
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    moments::{sum_and_dot, wide},
    reduce::write_f64,
    rows::{failed, row_threads},
    slabs::{slab, slabs, together},
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape},
    tensor::{Storage, Tensor, Wgsl, wgsl},
};
use std::ops::Range;

/// Elements of a row that one workgroup still normalises by itself.
pub(crate) const LONGEST: usize = 32_768;

/// `y = (x - mean) * scale * gamma + beta` over rows of the last `gamma.size()` elements of `x`, with the means and the
/// scales `1 / sqrt(var + eps)` of the rows as `[2, rows]`.
pub(crate) fn normalize_rows(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> (Tensor, Tensor) {
    let (length, device) = (gamma.size(), x.device());
    let kept = Shape::from([2, x.size() / length]);
    if let Some(parts) = slabs(device, &[x], &[], 0) {
        let part = |part: &Range<usize>| normalize_rows(&slab(x, part), gamma, beta, eps);
        let (y, kept): (Vec<Tensor>, Vec<Tensor>) = parts.iter().map(part).unzip();
        return (together(&y), Tensor::concat(&kept.iter().collect::<Vec<_>>(), 1));
    }
    match normalized(x, gamma, beta, eps) {
        Ok((y, k)) => (
            Tensor::whole(Storage::ready(device.clone(), x.dtype(), x.size(), y, None), x.shape().clone()),
            Tensor::whole(Storage::ready(device.clone(), wide(x.dtype()), kept.size(), k, None), kept),
        ),
        Err(e) => (failed(device, x.shape(), x.dtype(), e.clone()), failed(device, &kept, wide(x.dtype()), e)),
    }
}

/// The gradient of [`normalize_rows`] with respect to `x`, from what it kept; with `sums`, which are the normalised `x` and
/// the axes before those of rows, also the sums over rows of `gy` and of `gy` times the normalised `x`, as two planes.
pub(crate) fn normalize_rows_grad(
    x: &Tensor,
    gamma: &Tensor,
    gy: &Tensor,
    kept: &Tensor,
    sums: Option<(Tensor, &[usize])>,
) -> (Tensor, Option<Tensor>) {
    let device = x.device();
    let length = gamma.size();
    if device.is_cpu() {
        let shape = Shape::from([2, length]);
        let whole = |b: Buffer, dtype: DType, shape: &Shape| {
            Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), b, None), shape.clone())
        };
        return match cpu::gradient(x, gamma, gy, kept, sums.is_some()) {
            Ok((gx, sums)) => (whole(gx, x.dtype(), x.shape()), sums.map(|sums| whole(sums, wide(x.dtype()), &shape))),
            Err(e) => {
                let sums = sums.map(|_| failed(device, &shape, wide(x.dtype()), e.clone()));
                (failed(device, x.shape(), x.dtype(), e), sums)
            }
        };
    }
    let gx = gradient_in_parts(x, gamma, gy, kept);
    (gx, sums.map(|(standard, over)| sum_and_dot(gy, standard, over)))
}

fn gradient_in_parts(x: &Tensor, gamma: &Tensor, gy: &Tensor, kept: &Tensor) -> Tensor {
    let device = x.device();
    if let Some(parts) = slabs(device, &[x, gy], &[], 0) {
        let rows = x.size() / gamma.size() / x.shape()[0];
        let part = |part: &Range<usize>| {
            let kept = kept.narrow(1, part.start * rows, part.len() * rows).contiguous();
            gradient_in_parts(&slab(x, part), gamma, &slab(gy, part), &kept)
        };
        return together(&parts.iter().map(part).collect::<Vec<_>>());
    }
    match gradient(x, gamma, gy, kept) {
        Ok(gx) => Tensor::whole(Storage::ready(device.clone(), x.dtype(), x.size(), gx, None), x.shape().clone()),
        Err(e) => failed(device, x.shape(), x.dtype(), e),
    }
}

/// A tensor as rows of `length` elements.
fn rows(x: &Tensor, length: usize) -> Result<Prologue> {
    let shape = Shape::from([x.size() / length, length]);
    fuse::shared_prologue(x.with_shape(&shape), &shape)
}

/// A tensor as one row.
fn flat(x: &Tensor) -> Result<Prologue> {
    let shape = Shape::from(x.size());
    fuse::prologue(x.with_shape(&shape), &shape)
}

fn normalized(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<(Buffer, Buffer)> {
    const FILES: &[Wgsl] = &[wgsl!("rows/normalize.wgsl")];
    let (length, device) = (gamma.size(), x.device());
    let count = x.size() / length;
    let (px, gamma, beta) = (rows(x, length)?, flat(gamma)?, flat(beta)?);
    let y = device.allocate(fuse::bytes(device, x.dtype(), x.size()))?;
    let kept = device.allocate(fuse::bytes(device, wide(x.dtype()), 2 * count))?;
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let run = match px.plan.compute {
                DType::F32 => cpu::normalize::<f32>,
                _ => cpu::normalize::<f64>,
            };
            let statistics = run(&px, [&gamma, &beta], length, eps, (&y, x.dtype(), 0));
            // SAFETY: a fresh buffer.
            unsafe { write_f64(&kept, wide(x.dtype()), 0, &statistics) };
        }
        Device::Gpu(gpu) => {
            let mut kernel = Kernel::over_rows("normalize_rows", gpu, px.plan.compute, FILES);
            kernel.rows("x", &px, 1);
            kernel.rows("gamma", &gamma, 0);
            kernel.rows("beta", &beta, 0);
            kernel.output("y", &y, x.dtype(), 0);
            kernel.output("kept", &kept, wide(x.dtype()), 0);
            kernel.real("eps", eps);
            launch(kernel, count, length);
        }
    }
    Ok((y, kept))
}

fn launch(mut kernel: Kernel<'_>, rows: usize, length: usize) {
    kernel.word("rows", rows);
    kernel.word("length", length);
    let threads = row_threads(&mut kernel, length);
    kernel.launch(fold(rows.div_ceil(256 / threads)));
}

fn gradient(x: &Tensor, gamma: &Tensor, gy: &Tensor, kept: &Tensor) -> Result<Buffer> {
    const FILES: &[Wgsl] = &[wgsl!("rows/normalize_grad.wgsl")];
    let (length, device) = (gamma.size(), x.device());
    let Device::Gpu(gpu) = device else { unreachable!("a CPU sums up columns with it") };
    let (px, pg, gamma, kept) = (rows(x, length)?, rows(gy, length)?, flat(gamma)?, flat(kept)?);
    let gx = device.allocate(fuse::bytes(device, x.dtype(), x.size()))?;
    let mut kernel = Kernel::over_rows("normalize_rows_grad", gpu, px.plan.compute, FILES);
    kernel.rows("x", &px, 1);
    kernel.rows("gy", &pg, 1);
    kernel.rows("gamma", &gamma, 0);
    kernel.input("kept", &kept, Index::Flat);
    kernel.output("y", &gx, x.dtype(), 0);
    launch(kernel, x.size() / length, length);
    Ok(gx)
}
