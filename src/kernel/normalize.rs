//! Rows normalised to mean 0 and variance 1, scaled and shifted, in one kernel; and the gradient of it in one more.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    moments::{lanes, wide},
    parallel::Disjoint,
    reduce::write_f64,
    rows::{Rows, failed, fill_rows, row_threads},
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

/// The gradient of [`normalize_rows`] with respect to `x`, from what it kept.
pub(crate) fn normalize_rows_grad(x: &Tensor, gamma: &Tensor, gy: &Tensor, kept: &Tensor) -> Tensor {
    let device = x.device();
    if let Some(parts) = slabs(device, &[x, gy], &[], 0) {
        let rows = x.size() / gamma.size() / x.shape()[0];
        let part = |part: &Range<usize>| {
            let kept = kept.narrow(1, part.start * rows, part.len() * rows).contiguous();
            normalize_rows_grad(&slab(x, part), gamma, &slab(gy, part), &kept)
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
                DType::F32 => normalize_cpu::<f32>,
                _ => normalize_cpu::<f64>,
            };
            let statistics = run(&px, [&gamma, &beta], length, eps, (&y, x.dtype(), 0));
            // SAFETY: a fresh buffer.
            unsafe { write_f64(&kept, wide(x.dtype()), 0, &statistics) };
        }
        Device::Gpu(gpu) => {
            let mut kernel = Kernel::over_rows("normalize_rows", gpu, px.plan.compute, FILES);
            kernel.rows("x", &px, 1);
            kernel.input("gamma", &gamma, Index::Flat);
            kernel.input("beta", &beta, Index::Flat);
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
    let (px, pg, gamma) = (rows(x, length)?, rows(gy, length)?, flat(gamma)?);
    let gx = device.allocate(fuse::bytes(device, x.dtype(), x.size()))?;
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let run = match px.plan.compute {
                DType::F32 => gradient_cpu::<f32>,
                _ => gradient_cpu::<f64>,
            };
            let kept: Vec<f64> = kept.to_f64()?.into_iter().collect();
            run([&px, &pg, &gamma], &kept, length, (&gx, x.dtype(), 0));
        }
        Device::Gpu(gpu) => {
            let kept = flat(kept)?;
            let mut kernel = Kernel::over_rows("normalize_rows_grad", gpu, px.plan.compute, FILES);
            kernel.input("x", &px, Index::Split(1));
            kernel.input("gy", &pg, Index::Split(1));
            kernel.input("gamma", &gamma, Index::Flat);
            kernel.input("kept", &kept, Index::Flat);
            kernel.output("y", &gx, x.dtype(), 0);
            launch(kernel, x.size() / length, length);
        }
    }
    Ok(gx)
}

fn normalize_cpu<R: Lane>(
    x: &Prologue,
    [gamma, beta]: [&Prologue; 2],
    length: usize,
    eps: f64,
    out: (&Buffer, DType, usize),
) -> Vec<f64> {
    struct Pass<'a, R> {
        x: &'a [R],
        y: &'a mut [R],
        gamma: &'a [R],
        beta: &'a [R],
        eps: f64,
    }
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = [f64; 2];
        #[inline(always)]
        fn call(self) -> [f64; 2] {
            let Pass { x, y, gamma, beta, eps } = self;
            let n = y.len();
            let (x, gamma, beta) = (&x[..n], &gamma[..n], &beta[..n]);
            let mean = lanes([x], |[x]| x) / n as f64;
            let near = R::of(mean);
            let squares = lanes([x], |[x]| (x - near) * (x - near));
            let scale = 1.0 / (squares / n as f64 + eps).sqrt();
            let by = R::of(scale);
            for i in 0..n {
                y[i] = (x[i] - near) * by * gamma[i] + beta[i];
            }
            [mean, scale]
        }
    }
    let count = x.plan.shape[0];
    let [x, gamma, beta] = [x, gamma, beta].map(elementwise::values::<R>);
    let mut kept = vec![0.0; 2 * count];
    let shared = Disjoint::new(&mut kept);
    fill_rows::<R>(out, Rows { count, length, cost: 4 }, |row, y| {
        let x = &x[row * length..(row + 1) * length];
        let [mean, scale] = pulp::Arch::new().dispatch(Pass { x, y, gamma: &gamma, beta: &beta, eps });
        // SAFETY: each row has its own places.
        unsafe {
            shared.range(row..row + 1)[0] = mean;
            shared.range(count + row..count + row + 1)[0] = scale;
        }
    });
    kept
}

fn gradient_cpu<R: Lane>([x, gy, gamma]: [&Prologue; 3], kept: &[f64], length: usize, out: (&Buffer, DType, usize)) {
    struct Pass<'a, R> {
        x: &'a [R],
        gy: &'a [R],
        gamma: &'a [R],
        gx: &'a mut [R],
        mean: R,
        scale: R,
    }
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Pass { x, gy, gamma, gx, mean, scale } = self;
            let n = gx.len();
            let (x, gy, gamma) = (&x[..n], &gy[..n], &gamma[..n]);
            for i in 0..n {
                gx[i] = gy[i] * gamma[i];
            }
            let sum = R::of(lanes([&*gx], |[g]| g) / n as f64);
            let dot = R::of(lanes([&*gx, x], |[g, x]| g * ((x - mean) * scale)) / n as f64);
            for i in 0..n {
                gx[i] = scale * (gx[i] - sum - (x[i] - mean) * scale * dot);
            }
        }
    }
    let count = x.plan.shape[0];
    let [x, gy, gamma] = [x, gy, gamma].map(elementwise::values::<R>);
    fill_rows::<R>(out, Rows { count, length, cost: 4 }, |row, gx| {
        let at = row * length..(row + 1) * length;
        let (mean, scale) = (R::of(kept[row]), R::of(kept[count + row]));
        pulp::Arch::new().dispatch(Pass { x: &x[at.clone()], gy: &gy[at], gamma: &gamma, gx, mean, scale });
    });
}
