//! Means and variances over axes, and sums of one operand beside its products with another: what normalisation asks of
//! its rows, and variances. Sums read their operands once from memory; means and variances once on the CPU, block by block,
//! and twice on a GPU. Two launches where a row is shared by several workgroups.

mod cpu;

use super::{
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    reduce::write_f64,
    rows::{failed, row_threads},
    slabs::{self, hidden},
};
use crate::{
    device::{Buffer, Device, Gpu},
    error::Result,
    shape::{DType, Shape, reduced},
    tensor::{Storage, Tensor, Wgsl, wgsl},
};
use cpu::Moment;
pub(super) use cpu::lanes;
use std::sync::Arc;

/// Statistics of earlier batches: `decay` of them stays, the rest is that of the batch at hand.
pub(crate) struct Running<'a> {
    pub mean: &'a Tensor,
    pub var: &'a Tensor,
    pub decay: f64,
}

/// What is made of means and variances.
enum Wanted<'a> {
    /// Means and `1 / sqrt(var + eps)`, and with running statistics those moved on.
    Scales { eps: f64, running: Option<&'a Running<'a>> },
    /// Variances times a factor, or the roots of those.
    Variances { factor: f64, root: bool },
}

impl Wanted<'_> {
    /// Results for each mean.
    fn planes(&self) -> usize {
        match self {
            Wanted::Scales { running: None, .. } => 2,
            Wanted::Scales { .. } => 4,
            Wanted::Variances { .. } => 1,
        }
    }
}

/// What [`moments`] gives.
pub(crate) struct Moments {
    /// Means, with the axes kept as ones.
    pub mean: Tensor,
    /// `1 / sqrt(var + eps)`, of the same shape.
    pub scale: Tensor,
    /// The running statistics moved on, of their own shapes.
    pub running: Option<[Tensor; 2]>,
}

/// The dtype of sums and statistics.
pub(crate) fn wide(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// How a tensor is cut into rows of elements that are combined.
struct Geometry {
    /// Axes in the kernel's order; the first `split` of them count the rows in memory.
    order: Vec<usize>,
    split: usize,
    /// Rows whose results are combined into one.
    lead: usize,
    /// Results.
    kept: usize,
    /// Elements of a row.
    length: usize,
    /// Whether a row's elements are the closer ones in memory.
    by_row: bool,
}

impl Geometry {
    /// Reduced axes that come last make rows, and those before them rows to be combined; otherwise columns are combined.
    fn new(shape: &[usize], axes: &[usize]) -> Geometry {
        let count = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product::<usize>();
        let start = (0..shape.len()).rev().find(|&i| shape[i] != 1 && !axes.contains(&i)).map_or(0, |i| i + 1);
        let (lead, trail): (Vec<usize>, Vec<usize>) = axes.iter().partition(|&&a| a < start);
        let kept: Vec<usize> = (0..shape.len()).filter(|i| !axes.contains(i)).collect();
        let by_row = count(&lead) == 1 || count(&trail) >= 32;
        let join = |parts: [&[usize]; 3]| parts.concat();
        let (order, split, lead, length) = if by_row {
            (join([&lead, &kept, &trail]), lead.len() + kept.len(), count(&lead), count(&trail))
        } else {
            (join([&lead, &trail, &kept]), axes.len(), 1, count(axes))
        };
        Geometry { order, split, lead, kept: count(&kept), length, by_row }
    }

    /// Parts of each row, so that there is work for all and no thread's loop gets long.
    fn parts(&self, software: bool) -> usize {
        /// Turns of a loop that a thread takes: software adapters end it after 65,535 in all.
        const TURNS: usize = 8192;
        let rows = self.lead * self.kept;
        let wanted = if self.by_row {
            if rows < 256 && self.length >= 4 * TURNS { self.length.div_ceil(TURNS).min(1024) } else { 1 }
        } else {
            let (threads, fours) = (if software { 1 << 11 } else { 1 << 16 }, self.kept.div_ceil(4));
            let busy = threads.min(fours * self.length / 16).div_ceil(fours);
            busy.min(self.length.div_ceil(16)).max(self.length.div_ceil(TURNS))
        };
        let part = self.length.div_ceil(wanted.max(1));
        self.length.div_ceil(part)
    }
}

/// Mean and variance of `x` over `axes`, which are not empty in `x`; one launch, or two where a row is in parts.
pub(crate) fn moments(x: &Tensor, axes: &[usize], eps: f64, running: Option<&Running<'_>>) -> Moments {
    let (device, dtype) = (x.device(), wide(x.dtype()));
    let shape = reduced(x.shape(), axes, true);
    if hidden(device, &[x]) {
        return composed(x, axes, eps, running);
    }
    let wanted = Wanted::Scales { eps, running };
    let whole = match measured(x, axes, &wanted) {
        Ok(buffer) => {
            let planes = wanted.planes();
            let n = planes * shape.size();
            Tensor::whole(Storage::ready(device.clone(), dtype, n, buffer, None), Shape::from([planes, shape.size()]))
        }
        Err(error) => failed(device, &Shape::from([4, shape.size()]), dtype, error),
    };
    let plane = |i: usize, shape: &Shape| whole.narrow(0, i, 1).with_shape(shape);
    let moved = |r: &Running<'_>| {
        let of = |i: usize, old: &Tensor| plane(i, old.shape()).cast(old.dtype());
        [of(2, r.mean), of(3, r.var)]
    };
    Moments { mean: plane(0, &shape), scale: plane(1, &shape), running: running.map(moved) }
}

/// [`moments`] by sums, for tensors that one kernel does not see.
fn composed(x: &Tensor, axes: &[usize], eps: f64, running: Option<&Running<'_>>) -> Moments {
    let n: usize = axes.iter().map(|&a| x.shape()[a]).product();
    let axes: Vec<isize> = axes.iter().map(|&a| a as isize).collect();
    let over = |x: &Tensor| x.sum(Some(&axes), true).mul_scalar(1.0 / n as f64);
    let x = x.cast(wide(x.dtype()));
    let mean = over(&x);
    mean.force();
    let away = x.sub(&mean);
    let var = over(&away.mul(&away));
    let moved = |r: &Running<'_>| {
        let of = |old: &Tensor, new: &Tensor, share: f64| {
            let new = new.with_shape(old.shape()).mul_scalar(share);
            old.cast(new.dtype()).mul_scalar(r.decay).add(&new).cast(old.dtype())
        };
        let share = 1.0 - r.decay;
        [of(r.mean, &mean, share), of(r.var, &var, share * unbiased(n as f64))]
    };
    let running = running.map(moved);
    Moments { scale: var.add_scalar(eps).rsqrt(), mean, running }
}

/// The variance of `x` over `axes`, which are not empty in `x`, times `factor`, or the root of that; `None` where one kernel
/// does not see `x`. One launch, or two where a row is in parts.
pub(crate) fn variance(x: &Tensor, axes: &[usize], factor: f64, root: bool) -> Option<Tensor> {
    let (device, dtype) = (x.device(), wide(x.dtype()));
    if hidden(device, &[x]) {
        return None;
    }
    let shape = reduced(x.shape(), axes, true);
    let found = match measured(x, axes, &Wanted::Variances { factor, root }) {
        Ok(buffer) => Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), buffer, None), shape),
        Err(error) => failed(device, &shape, dtype, error),
    };
    Some(found.cast(x.dtype()))
}

fn measured(x: &Tensor, axes: &[usize], wanted: &Wanted<'_>) -> Result<Buffer> {
    let device = x.device();
    let of = Geometry::new(x.shape(), axes);
    let dtype = wide(x.dtype());
    let prologue = fuse::shared_prologue(x.clone(), x.shape())?.permute(&of.order);
    let out = device.allocate(fuse::bytes(device, dtype, wanted.planes() * of.kept))?;
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let found = match prologue.plan.compute {
                DType::F32 => of.measure::<f32>(&prologue),
                _ => of.measure::<f64>(&prologue),
            };
            let n = (of.lead * of.length) as f64;
            let planes: Vec<Vec<f64>> = match *wanted {
                Wanted::Scales { eps, running } => {
                    let mut planes = vec![
                        found.iter().map(|m| m.mean).collect(),
                        found.iter().map(|m| 1.0 / (m.squares / n + eps).sqrt()).collect(),
                    ];
                    if let Some(r) = running {
                        let moved = |old: &Tensor, share: f64, new: &dyn Fn(&Moment) -> f64| -> Result<Vec<f64>> {
                            let old = old.to_f64()?;
                            Ok(old.iter().zip(&found).map(|(o, m)| r.decay * o + share * new(m)).collect())
                        };
                        planes.push(moved(r.mean, 1.0 - r.decay, &|m| m.mean)?);
                        planes.push(moved(r.var, (1.0 - r.decay) * unbiased(n), &|m| m.squares / n)?);
                    }
                    planes
                }
                Wanted::Variances { factor, root } => {
                    let of = |m: &Moment| m.squares / n * factor;
                    vec![found.iter().map(|m| if root { of(m).sqrt() } else { of(m) }).collect()]
                }
            };
            // SAFETY: a fresh buffer.
            unsafe { write_f64(&out, dtype, 0, &planes.concat()) };
        }
        Device::Gpu(gpu) => of.measure_gpu(gpu, &prologue, (&out, dtype), wanted)?,
    }
    Ok(out)
}

/// The factor from the variance of `n` values to an unbiased estimate of that of their distribution.
fn unbiased(n: f64) -> f64 {
    n / (n - 1.0).max(1.0)
}

impl Geometry {
    fn measure_gpu(
        &self,
        gpu: &Arc<Gpu>,
        prologue: &Prologue,
        (out, dtype): (&Buffer, DType),
        wanted: &Wanted<'_>,
    ) -> Result<()> {
        const ROWS: Wgsl = wgsl!("rows/moments.wgsl");
        const COLUMNS: Wgsl = wgsl!("rows/moments_columns.wgsl");
        const STORE: Wgsl = wgsl!("rows/moments_store.wgsl");
        const CORRECTED: Wgsl = wgsl!("rows/moments_corrected.wgsl");
        const FINISH: Wgsl = wgsl!("rows/moments_finish.wgsl");
        let device = prologue.plan.device.clone();
        let compute = prologue.plan.compute;
        let store = match wanted {
            Wanted::Scales { running: None, .. } => STORE,
            Wanted::Scales { .. } => wgsl!("rows/moments_store_running.wgsl"),
            Wanted::Variances { .. } => wgsl!("rows/moments_store_variance.wgsl"),
        };
        let old = |t: &Tensor| -> Result<Prologue> {
            let flat = Shape::from(t.size());
            fuse::prologue(t.with_shape(&flat), &flat)
        };
        let old = match wanted {
            Wanted::Scales { running: Some(r), .. } => Some([old(r.mean)?, old(r.var)?]),
            _ => None,
        };
        let n = (self.lead * self.length) as f64;
        fn last<'a>(
            kernel: &mut Kernel<'a>,
            (out, dtype): (&Buffer, DType),
            (wanted, n): (&Wanted<'_>, f64),
            old: Option<&'a [Prologue; 2]>,
        ) {
            kernel.output("y", out, dtype, 0);
            match *wanted {
                Wanted::Scales { eps, running } => {
                    kernel.real("eps", eps);
                    if let (Some(r), Some([mean, var])) = (running, old) {
                        kernel.input("running_mean", mean, Index::Flat);
                        kernel.input("running_var", var, Index::Flat);
                        kernel.real("decay", r.decay);
                        kernel.real("share", 1.0 - r.decay);
                        kernel.real("share_var", (1.0 - r.decay) * unbiased(n));
                    }
                }
                Wanted::Variances { factor, root } => {
                    kernel.constant("ROOT", u32::from(root));
                    kernel.real("factor", factor);
                }
            }
        }
        let parts = self.parts(gpu.is_software());
        let whole = self.lead * parts == 1;
        let pass = if self.by_row { ROWS } else { COLUMNS };
        // What is of parts is stored by the pass itself.
        let files = [CORRECTED, pass, if whole { store } else { STORE }];
        let mut kernel = Kernel::over_rows("moments", gpu, compute, &files);
        kernel.rows("x", prologue, self.split);
        kernel.constant("PARTS", u32::from(!whole));
        kernel.word("kept", self.kept);
        if whole {
            last(&mut kernel, (out, dtype), (wanted, n), old.as_ref());
            self.launch(kernel, parts);
            return Ok(());
        }
        let count = self.lead * parts;
        let scratch = device.allocate(fuse::bytes(&device, compute, 3 * count * self.kept))?;
        kernel.output("y", &scratch, compute, 0);
        kernel.real("eps", 0.0);
        self.launch(kernel, parts);
        let flat = Shape::from(3 * count * self.kept);
        let partial = Tensor::whole(Storage::ready(device, compute, flat.size(), scratch, None), flat);
        let partial = fuse::whole_prologue(partial)?;
        let files = [CORRECTED, FINISH, store];
        let mut kernel = Kernel::over_rows("moments_finish", gpu, compute, &files);
        kernel.input("x", &partial, Index::Flat);
        last(&mut kernel, (out, dtype), (wanted, n), old.as_ref());
        kernel.word("kept", self.kept);
        kernel.word("length", self.length);
        kernel.word("lead", self.lead);
        kernel.word("parts", count);
        kernel.word("part", self.length.div_ceil(parts));
        let threads = row_threads(&mut kernel, count);
        kernel.launch(fold(self.kept.div_ceil(256 / threads)));
        Ok(())
    }

    /// Launches a kernel over parts of rows.
    fn launch(&self, mut kernel: Kernel<'_>, parts: usize) {
        let part = self.length.div_ceil(parts);
        let rows = self.lead * self.kept;
        kernel.word("rows", rows);
        kernel.word("length", self.length);
        kernel.word("parts", parts);
        kernel.word("part", part);
        if self.by_row {
            let threads = row_threads(&mut kernel, part);
            kernel.launch(fold((rows * parts).div_ceil(256 / threads)));
        } else {
            // A thread takes four neighbouring columns.
            kernel.constant("THREADS", 1);
            kernel.launch(fold((self.kept.div_ceil(4) * parts).div_ceil(256)));
        }
    }
}

/// The sums over `axes` of `a` and of `a * b`, `[2, ..]` with the axes kept as ones; both are read once.
///
/// One launch, or two where a row is in parts.
pub(crate) fn sum_and_dot(a: &Tensor, b: Tensor, axes: &[usize]) -> Tensor {
    let kept = reduced(a.shape(), axes, true);
    let shape: Shape = std::iter::once(2).chain(kept.iter().copied()).collect();
    if hidden(a.device(), &[a, &b]) {
        let axes: Vec<isize> = axes.iter().map(|&a| a as isize).collect();
        let a = a.cast(wide(a.dtype()));
        let sums = [&a.clone(), &a.mul(&b.cast(a.dtype()))].map(|x| x.sum(Some(&axes), true).expand_dims(0));
        return slabs::together(&sums).with_shape(&shape);
    }
    let summed = summed(a, b, axes);
    summed.map(|t| t.with_shape(&shape)).unwrap_or_else(|e| failed(a.device(), &shape, wide(a.dtype()), e))
}

fn summed(a: &Tensor, b: Tensor, axes: &[usize]) -> Result<Tensor> {
    const BY_ROW: &[Wgsl] = &[wgsl!("rows/paired_sums.wgsl")];
    const BY_COLUMN: &[Wgsl] = &[wgsl!("rows/paired_sums_columns.wgsl")];
    let device = a.device();
    let of = Geometry::new(a.shape(), axes);
    let dtype = wide(a.dtype());
    let pa = fuse::shared_prologue(a.clone(), a.shape())?.permute(&of.order);
    let pb = fuse::whole_prologue(b)?.permute(&of.order);
    let new = |n: usize| device.allocate(fuse::bytes(device, dtype, n));
    let whole = |buffer: Buffer, shape: Shape| {
        Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), buffer, None), shape)
    };
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let sums = match pa.plan.compute {
                DType::F32 => of.pairs::<f32>(&pa, &pb),
                _ => of.pairs::<f64>(&pa, &pb),
            };
            let out = new(2 * of.kept)?;
            let planes: Vec<f64> = sums.iter().map(|s| s[0]).chain(sums.iter().map(|s| s[1])).collect();
            // SAFETY: a fresh buffer.
            unsafe { write_f64(&out, dtype, 0, &planes) };
            Ok(whole(out, Shape::from([2, of.kept])))
        }
        Device::Gpu(gpu) => {
            let parts = of.parts(gpu.is_software());
            let count = of.lead * parts;
            let out = new(2 * of.kept * count)?;
            let files = if of.by_row { BY_ROW } else { BY_COLUMN };
            let mut kernel = Kernel::over_rows("paired_sums", gpu, pa.plan.compute, files);
            kernel.rows("a", &pa, of.split);
            kernel.rows("b", &pb, of.split);
            kernel.output("y", &out, dtype, 0);
            kernel.word("kept", of.kept);
            kernel.word("count", count);
            of.launch(kernel, parts);
            let partial = whole(out, Shape::from([2, of.kept, count]));
            Ok(if count == 1 { partial } else { partial.sum(Some(&[2]), false) })
        }
    }
}
