//! Means and variances over axes, and sums of one operand beside its products with another: what normalisation asks of
//! its rows. Sums read their operands once from memory; means and variances once on the CPU, block by block, and twice on a
//! GPU. Two launches where a row is shared by several workgroups.

use super::{
    elementwise::{Blocks, Lane},
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    reduce::write_f64,
    rows::{failed, row_threads},
    slabs::{self, hidden},
};
use crate::{
    device::{Buffer, Device, Gpu},
    error::Result,
    shape::{DType, Shape, reduced},
    tensor::{Storage, Tensor, Wgsl, expr::Source, wgsl},
};
use std::sync::Arc;

/// Statistics of earlier batches: `decay` of them stays, the rest is that of the batch at hand.
pub(crate) struct Running<'a> {
    pub mean: &'a Tensor,
    pub var: &'a Tensor,
    pub decay: f64,
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
    /// Axes in the kernel's order; the first `split` of them count the rows.
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
    fn new(shape: &[usize], axes: &[usize], cpu: bool) -> Geometry {
        let count = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product::<usize>();
        let start = (0..shape.len()).rev().find(|&i| shape[i] != 1 && !axes.contains(&i)).map_or(0, |i| i + 1);
        let (lead, trail): (Vec<usize>, Vec<usize>) = axes.iter().partition(|&&a| a < start);
        let kept: Vec<usize> = (0..shape.len()).filter(|i| !axes.contains(i)).collect();
        let by_row = count(&lead) == 1 || count(&trail) >= 32;
        let join = |parts: [&[usize]; 3]| parts.concat();
        let (order, split, lead, length) = match (by_row, cpu) {
            (true, _) => (join([&lead, &kept, &trail]), lead.len() + kept.len(), count(&lead), count(&trail)),
            (false, true) => (join([&lead, &trail, &kept]), 0, 1, count(axes)),
            (false, false) => (join([&kept, &lead, &trail]), kept.len(), 1, count(axes)),
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
            let threads = if software { 1 << 11 } else { 1 << 16 };
            let busy = threads.min(rows * self.length / 64).div_ceil(rows);
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
    let whole = match measured(x, axes, eps, running) {
        Ok(buffer) => {
            let planes = if running.is_some() { 4 } else { 2 };
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

fn measured(x: &Tensor, axes: &[usize], eps: f64, running: Option<&Running<'_>>) -> Result<Buffer> {
    let device = x.device();
    let of = Geometry::new(x.shape(), axes, device.is_cpu());
    let dtype = wide(x.dtype());
    let prologue = fuse::shared_prologue(x.clone(), x.shape())?.permute(&of.order);
    let planes = if running.is_some() { 4 } else { 2 };
    let out = device.allocate(fuse::bytes(device, dtype, planes * of.kept))?;
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let found = match prologue.plan.compute {
                DType::F32 => of.measure::<f32>(&prologue),
                _ => of.measure::<f64>(&prologue),
            };
            let n = (of.lead * of.length) as f64;
            let mut planes: Vec<Vec<f64>> = vec![
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
            // SAFETY: a fresh buffer.
            unsafe { write_f64(&out, dtype, 0, &planes.concat()) };
        }
        Device::Gpu(gpu) => of.measure_gpu(gpu, &prologue, (&out, dtype), eps, running)?,
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
        eps: f64,
        running: Option<&Running<'_>>,
    ) -> Result<()> {
        const STORE: Wgsl = wgsl!("rows/moments_store.wgsl");
        const STORE_RUNNING: Wgsl = wgsl!("rows/moments_store_running.wgsl");
        const PLAIN: &[Wgsl] = &[STORE, wgsl!("rows/moments.wgsl")];
        const MOVING: &[Wgsl] = &[STORE_RUNNING, wgsl!("rows/moments.wgsl")];
        const FINISH: &[Wgsl] = &[STORE, wgsl!("rows/moments_finish.wgsl")];
        const FINISH_MOVING: &[Wgsl] = &[STORE_RUNNING, wgsl!("rows/moments_finish.wgsl")];
        let device = prologue.plan.device.clone();
        let compute = prologue.plan.compute;
        let old = |t: &Tensor| -> Result<Prologue> {
            let flat = Shape::from(t.size());
            fuse::prologue(t.with_shape(&flat), &flat)
        };
        let old = running.map(|r| Ok::<_, crate::error::Error>((old(r.mean)?, old(r.var)?))).transpose()?;
        let n = (self.lead * self.length) as f64;
        fn last<'a>(
            kernel: &mut Kernel<'a>,
            (out, dtype): (&Buffer, DType),
            old: Option<&'a (Prologue, Prologue)>,
            (decay, n): (f64, f64),
        ) {
            kernel.output("y", out, dtype, 0);
            if let Some((mean, var)) = old {
                kernel.input("running_mean", mean, Index::Flat);
                kernel.input("running_var", var, Index::Flat);
                kernel.real("decay", decay);
                kernel.real("share", 1.0 - decay);
                kernel.real("share_var", (1.0 - decay) * unbiased(n));
            }
        }
        let decay = running.map_or(0.0, |r| r.decay);
        let parts = self.parts(gpu.is_software());
        let whole = self.lead * parts == 1;
        let files = if whole && running.is_some() { MOVING } else { PLAIN };
        let mut kernel = Kernel::over_rows("moments", gpu, compute, files);
        kernel.rows("x", prologue, self.split);
        kernel.constant("PARTS", u32::from(!whole));
        kernel.word("kept", self.kept);
        kernel.real("eps", eps);
        if whole {
            last(&mut kernel, (out, dtype), old.as_ref(), (decay, n));
            self.launch(kernel, parts);
            return Ok(());
        }
        let count = self.lead * parts;
        let scratch = device.allocate(fuse::bytes(&device, compute, 2 * count * self.kept))?;
        kernel.output("y", &scratch, compute, 0);
        self.launch(kernel, parts);
        let flat = Shape::from(2 * count * self.kept);
        let partial = Tensor::whole(Storage::ready(device, compute, flat.size(), scratch, None), flat);
        let partial = fuse::whole_prologue(partial)?;
        let mut kernel =
            Kernel::over_rows("moments_finish", gpu, compute, if running.is_some() { FINISH_MOVING } else { FINISH });
        kernel.input("x", &partial, Index::Flat);
        last(&mut kernel, (out, dtype), old.as_ref(), (decay, n));
        kernel.word("kept", self.kept);
        kernel.real("eps", eps);
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
        let threads = if self.by_row {
            row_threads(&mut kernel, part)
        } else {
            // Neighbouring threads take neighbouring columns.
            kernel.constant("THREADS", 1);
            1
        };
        kernel.launch(fold((rows * parts).div_ceil(256 / threads)));
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
    const FILES: &[Wgsl] = &[wgsl!("rows/paired_sums.wgsl")];
    let device = a.device();
    let of = Geometry::new(a.shape(), axes, device.is_cpu());
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
            let mut kernel = Kernel::over_rows("paired_sums", gpu, pa.plan.compute, FILES);
            kernel.input("a", &pa, Index::Split(of.split));
            kernel.input("b", &pb, Index::Split(of.split));
            kernel.output("y", &out, dtype, 0);
            kernel.word("kept", of.kept);
            kernel.word("count", count);
            of.launch(kernel, parts);
            let partial = whole(out, Shape::from([2, of.kept, count]));
            Ok(if count == 1 { partial } else { partial.sum(Some(&[2]), false) })
        }
    }
}

/// Mean and sum of squared distances of some elements.
#[derive(Clone, Copy, Default)]
struct Moment {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moment {
    /// That of both together.
    fn join(self, other: Moment) -> Moment {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
        }
        let n = self.n + other.n;
        let d = other.mean - self.mean;
        Moment {
            n,
            mean: self.mean + d * other.n / n,
            squares: self.squares + other.squares + d * d * self.n * other.n / n,
        }
    }
}

/// Elements of a block, as [`Blocks`] computes them.
const BLOCK: usize = 2048;

/// The sum of `f` over elements of slices of one length, by 16 running sums.
#[inline(always)]
pub(super) fn lanes<R: Lane, const N: usize>(xs: [&[R]; N], f: impl Fn([R; N]) -> R) -> f64 {
    const LANES: usize = 16;
    let n = xs[0].len();
    let whole = n / LANES * LANES;
    let mut sums = [R::ZERO; LANES];
    for at in (0..whole).step_by(LANES) {
        // Arrays, so that the compiler knows their length and packs the loop.
        let blocks: [&[R; LANES]; N] =
            std::array::from_fn(|k| xs[k][at..at + LANES].try_into().expect("as many elements"));
        for (l, s) in sums.iter_mut().enumerate() {
            *s += f(std::array::from_fn(|k| blocks[k][l]));
        }
    }
    let rest = (whole..n).map(|i| f(std::array::from_fn(|k| xs[k][i])).to_f64());
    sums.iter().map(|s| s.to_f64()).sum::<f64>() + rest.sum::<f64>()
}

fn moment<R: Lane>(x: &[R]) -> Moment {
    struct Pass<'a, R>(&'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = Moment;
        #[inline(always)]
        fn call(self) -> Moment {
            let x = self.0;
            let n = x.len() as f64;
            let mean = lanes([x], |[x]| x) / n;
            let near = R::of(mean);
            let squares = lanes([x], |[x]| (x - near) * (x - near));
            Moment { n, mean, squares }
        }
    }
    pulp::Arch::new().dispatch(Pass(x))
}

fn pair<R: Lane>(a: &[R], b: &[R]) -> [f64; 2] {
    struct Pass<'a, R>(&'a [R], &'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = [f64; 2];
        #[inline(always)]
        fn call(self) -> [f64; 2] {
            let (a, b) = (self.0, &self.1[..self.0.len()]);
            [lanes([a], |[a]| a), lanes([a, b], |[a, b]| a * b)]
        }
    }
    pulp::Arch::new().dispatch(Pass(a, b))
}

/// Adds each `a` and `a * b` to the sums of its column.
fn add_pairs<R: Lane>(sums: &mut [[f64; 2]], a: &[R], b: &[R]) {
    struct Pass<'a, R>(&'a mut [[f64; 2]], &'a [R], &'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let n = self.0.len();
            let (a, b) = (&self.1[..n], &self.2[..n]);
            for i in 0..n {
                self.0[i][0] += a[i].to_f64();
                self.0[i][1] += (a[i] * b[i]).to_f64();
            }
        }
    }
    pulp::Arch::new().dispatch(Pass(sums, a, b));
}

impl Geometry {
    /// Folds spans of rows in parallel: `fold` takes a span of elements to one value, `join` two values to one.
    fn spans<V: Copy + Default + Send>(
        &self,
        fold: impl Fn(usize, usize) -> V + Sync,
        join: impl Fn(V, V) -> V,
    ) -> Vec<V> {
        let rows = self.lead * self.kept;
        // Long rows in parts, so that there is work for every thread.
        let parts = (4 * rayon::current_num_threads()).div_ceil(rows).min(self.length.div_ceil(4 * BLOCK)).max(1);
        let part = self.length.div_ceil(parts);
        let mut values = vec![V::default(); rows * parts];
        let shared = Disjoint::new(&mut values);
        parallel::ranges(rows * parts, part, 1, |range| {
            for i in range {
                let (row, first) = (i / parts, (i % parts) * part);
                let last = (first + part).min(self.length);
                if first < last {
                    // SAFETY: each span has its own value.
                    unsafe { shared.range(i..i + 1)[0] = fold(row * self.length + first, last - first) };
                }
            }
        });
        // A row is a lead and a result.
        let mut results = vec![V::default(); self.kept];
        for (row, values) in values.chunks(parts).enumerate() {
            let result = &mut results[row % self.kept];
            *result = values.iter().fold(*result, |sum, &v| join(sum, v));
        }
        results
    }

    /// Folds rows of `kept` neighbours in parallel, by columns: `fold` adds elements `at..at + n` to the columns' values.
    fn columns<V: Copy + Default + Send>(
        &self,
        fold: impl Fn(usize, usize, &mut [V]) + Sync,
        join: impl Fn(V, V) -> V,
    ) -> Vec<V> {
        let work = self.kept * self.length;
        let parts = (2 * rayon::current_num_threads()).min(self.length).min(work.div_ceil(32 * BLOCK)).max(1);
        let part = self.length.div_ceil(parts);
        let mut values = vec![V::default(); parts * self.kept];
        let shared = Disjoint::new(&mut values);
        parallel::ranges(parts, part * self.kept, 1, |range| {
            for i in range {
                let (first, last) = (i * part, ((i + 1) * part).min(self.length));
                if first < last {
                    // SAFETY: each part has its own values.
                    let own = unsafe { shared.range(i * self.kept..(i + 1) * self.kept) };
                    fold(first * self.kept, (last - first) * self.kept, own);
                }
            }
        });
        let mut parts = values.chunks(self.kept);
        let mut results = parts.next().map(<[V]>::to_vec).unwrap_or_default();
        for part in parts {
            results.iter_mut().zip(part).for_each(|(r, &v)| *r = join(*r, v));
        }
        results
    }

    fn measure<R: Lane>(&self, prologue: &Prologue) -> Vec<Moment> {
        let blocks = Blocks::<R>::new(&prologue.plan);
        let source = prologue.source;
        if self.by_row {
            let fold = |at: usize, n: usize| {
                let mut sum = Moment::default();
                each_block(&blocks, source, at, n, |_, x| sum = sum.join(moment(x)));
                sum
            };
            return self.spans(fold, Moment::join);
        }
        // Distances are taken from the first row of a part, in f64: there they keep what the mean takes away.
        let fold = |at: usize, n: usize, sums: &mut [Moment]| {
            let mut near = vec![0.0; self.kept];
            each_block(&blocks, source, at, n.min(self.kept), |from, x| {
                near[from..from + x.len()].iter_mut().zip(x).for_each(|(o, v)| *o = v.to_f64());
            });
            each_block(&blocks, source, at, n, |from, x| {
                runs(from, x.len(), self.kept, |to, column, run| {
                    let x = x[to..to + run].iter().zip(&near[column..]);
                    for (s, (v, near)) in sums[column..column + run].iter_mut().zip(x) {
                        let d = v.to_f64() - near;
                        s.mean += d;
                        s.squares += d * d;
                    }
                });
            });
            let rows = (n / self.kept) as f64;
            for (s, near) in sums.iter_mut().zip(near) {
                let d = s.mean / rows;
                let squares = s.squares - d * s.mean;
                // Not by `max`, which loses a NaN.
                *s = Moment { n: rows, mean: near + d, squares: if squares < 0.0 { 0.0 } else { squares } };
            }
        };
        self.columns(fold, Moment::join)
    }

    fn pairs<R: Lane>(&self, a: &Prologue, b: &Prologue) -> Vec<[f64; 2]> {
        let (blocks_a, blocks_b) = (Blocks::<R>::new(&a.plan), Blocks::<R>::new(&b.plan));
        let join = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        if self.by_row {
            let fold = |at: usize, n: usize| {
                let mut sum = [0.0; 2];
                each_block(&blocks_a, a.source, at, n, |from, a| {
                    each_block(&blocks_b, b.source, at + from, a.len(), |_, b| sum = join(sum, pair(a, b)));
                });
                sum
            };
            return self.spans(fold, join);
        }
        let fold = |at: usize, n: usize, sums: &mut [[f64; 2]]| {
            each_block(&blocks_a, a.source, at, n, |from, a| {
                each_block(&blocks_b, b.source, at + from, a.len(), |_, b| {
                    runs(from, a.len(), self.kept, |to, column, run| {
                        add_pairs(&mut sums[column..column + run], &a[to..to + run], &b[to..to + run]);
                    });
                });
            });
        };
        self.columns(fold, join)
    }
}

/// Calls `f(position, values)` for elements `at..at + n`, block by block.
fn each_block<R: Lane>(blocks: &Blocks<'_, R>, source: Source, at: usize, n: usize, mut f: impl FnMut(usize, &[R])) {
    for from in (0..n).step_by(BLOCK) {
        blocks.compute(at + from, BLOCK.min(n - from), &[source], |_, values| f(from, values));
    }
}

/// Calls `f(position, column, n)` for the runs along rows of `width` of `n` elements from position `from` on.
fn runs(from: usize, n: usize, width: usize, mut f: impl FnMut(usize, usize, usize)) {
    let mut done = 0;
    while done < n {
        let column = (from + done) % width;
        let run = (width - column).min(n - done);
        f(done, column, run);
        done += run;
    }
}
