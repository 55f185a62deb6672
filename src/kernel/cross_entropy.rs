//! The cross entropy of softmax in one kernel, and the mean over what is not ignored in one more.

use super::{
    create::known_within,
    elementwise::{self, Lane, Reading},
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    moments::wide,
    parallel::{self, Disjoint},
    reduce::write_f64,
    rows::{Rows, failed, fill_rows, is_long, largest_and_sum, last, row_threads},
    slabs::{hidden, slab, slabs},
};
use crate::{
    device::{Buffer, Device},
    error::{Error, Result},
    shape::{DType, Shape},
    tensor::{Storage, Tensor, Wgsl, expr::compute_type, wgsl},
};
use std::ops::Range;

/// What the cross entropy of softmax gives for `x` of shape `(n, classes, inner..)` and targets `(n, inner..)`; all
/// three have the targets' shape.
pub(crate) struct CrossEntropy {
    /// `-log softmax(x)[t]` for each target, 0 where it is ignored.
    pub losses: Tensor,
    /// `log(sum(exp(x)))` along the classes.
    pub log_sums: Tensor,
    /// The targets in the dtype of `x`, or in `float32` for halves; -1 where they are ignored.
    pub labels: Tensor,
}

/// The losses of softmax cross entropy and what its gradient needs, in one kernel.
///
/// A target outside `0..classes` that is not `ignore` fails the results, or on a GPU the next blocking call.
pub(crate) fn cross_entropy(x: &Tensor, t: &Tensor, ignore: i32) -> CrossEntropy {
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let dtypes = [x.dtype(), wide, wide];
    if t.size() == 0 {
        let [losses, log_sums, labels] = dtypes.map(|d| Tensor::zeros(t.shape().clone(), d, x.device()));
        return CrossEntropy { losses, log_sums, labels };
    }
    if let Some(parts) = slabs(x.device(), &[x], &[], 0) {
        let of = |part: &Range<usize>| cross_entropy(&slab(x, part), &slab(t, part), ignore);
        let all: Vec<CrossEntropy> = parts.iter().map(of).collect();
        let joined = |of: fn(&CrossEntropy) -> &Tensor| Tensor::concat(&all.iter().map(of).collect::<Vec<_>>(), 0);
        return CrossEntropy {
            losses: joined(|e| &e.losses),
            log_sums: joined(|e| &e.log_sums),
            labels: joined(|e| &e.labels),
        };
    }
    if is_long(x.device(), t.size(), x.shape()[1]) {
        return over_long_rows(x, t, ignore);
    }
    let [losses, log_sums, labels] = match run(x, t, ignore, dtypes).and_then(|b| x.device().check().map(|()| b)) {
        Ok(buffers) => {
            let mut dtypes = dtypes.into_iter();
            buffers.map(|b| {
                let dtype = dtypes.next().expect("as many as buffers");
                let storage = Storage::ready(x.device().clone(), dtype, t.size(), b, None);
                Tensor::whole(storage, t.shape().clone())
            })
        }
        Err(error) => dtypes.map(|d| failed(x.device(), t.shape(), d, error.clone())),
    };
    CrossEntropy { losses, log_sums, labels }
}

/// [`cross_entropy`] by operators whose kernels share a row among workgroups.
fn over_long_rows(x: &Tensor, t: &Tensor, ignore: i32) -> CrossEntropy {
    let (classes, dtype) = (x.shape()[1], x.dtype());
    let ignored = t.equal(&t.full_like(f64::from(ignore)));
    let order: Vec<isize> = last(x.ndim(), 1).into_iter().map(|axis| axis as isize).collect();
    let rows = x.transpose(Some(&order)).reshape([t.size() as isize, classes as isize]).cast(wide(dtype));
    let (largest, log_sum) = rows.long_rows(1);
    let log_sums = largest.add(&log_sum).reshape([-1]);
    let targets = t.reshape([-1]);
    // The ignored pick anything.
    let named = rows.pick("softmax_cross_entropy", &ignored.reshape([-1]).where_(&targets.full_like(0.0), &targets));
    let losses = log_sums.sub(&named).with_shape(t.shape());
    CrossEntropy {
        losses: ignored.where_(&losses.full_like(0.0), &losses).cast(dtype),
        log_sums: log_sums.with_shape(t.shape()),
        labels: ignored.where_(&t.full_like(-1.0), t).cast(wide(dtype)),
    }
}

fn run(x: &Tensor, t: &Tensor, ignore: i32, dtypes: [DType; 3]) -> Result<[Buffer; 3]> {
    let device = x.device().clone();
    let prologue = fuse::whole_prologue(x.clone())?.permute(&last(x.ndim(), 1));
    let (rows, length) = (t.size(), x.shape()[1]);
    let targets = t.contiguous();
    let (target, target_at) = targets.buffer()?;
    let target_at = target_at + targets.view.offset;
    let new = |i: usize| device.allocate(fuse::bytes(&device, dtypes[i], rows));
    let out = [new(0)?, new(1)?, new(2)?];
    match &device {
        Device::Cpu(_) => {
            device.count_launch();
            let of = match prologue.plan.compute {
                DType::F32 => rows_cpu::<f32>,
                _ => rows_cpu::<f64>,
            };
            // SAFETY: targets are forced, and written by nobody.
            let targets = unsafe { target.host::<i32>(target_at, rows) };
            let (losses, sums) = of(&prologue, targets, length, ignore)?;
            let label = |&t: &i32| if t == ignore { -1.0 } else { f64::from(t) };
            let labels: Vec<f64> = targets.iter().map(label).collect();
            for ((buffer, dtype), values) in out.iter().zip(dtypes).zip([losses, sums, labels]) {
                // SAFETY: fresh buffers.
                unsafe { write_f64(buffer, dtype, 0, &values) };
            }
        }
        Device::Gpu(gpu) => {
            const FILES: &[Wgsl] =
                &[wgsl!("math/limits.wgsl"), wgsl!("rows/largest_and_sum.wgsl"), wgsl!("rows/cross_entropy.wgsl")];
            let mut kernel = Kernel::over_rows("cross_entropy", gpu, prologue.plan.compute, FILES);
            kernel.rows("x", &prologue, x.ndim() - 1);
            kernel.integers("target", &target, target_at, true);
            for ((name, buffer), dtype) in ["loss", "sum", "label"].into_iter().zip(&out).zip(dtypes) {
                kernel.output(name, buffer, dtype, 0);
            }
            kernel.fault("softmax_cross_entropy", known_within(t, length, Some(ignore)));
            let threads = row_threads(&mut kernel, length);
            kernel.word("rows", rows);
            kernel.word("length", length);
            kernel.word("ignore", ignore as u32 as usize);
            kernel.launch(fold(rows.div_ceil(256 / threads)));
        }
    }
    Ok(out)
}

/// The gradient of [`cross_entropy`] to scores `(n, classes)`: `exp(x - log_sum) * factor`, with `hot` less `factor` at the
/// label, 0 where that is negative; `factor` is one number, or one a row. `None` where rows are long or one kernel does not
/// see all of them.
///
/// One launch, which reads and writes each element once.
pub(crate) fn cross_entropy_grad(
    x: &Tensor,
    [log_sums, labels]: [&Tensor; 2],
    factor: Tensor,
    hot: bool,
) -> Option<Tensor> {
    let (rows, length) = (x.shape()[0], x.shape()[1]);
    if x.size() == 0 || hidden(x.device(), &[x]) || is_long(x.device(), rows, length) {
        return None;
    }
    Some(match gradient(x, [log_sums, labels], factor, hot) {
        Ok(gx) => Tensor::whole(Storage::ready(x.device().clone(), x.dtype(), x.size(), gx, None), x.shape().clone()),
        Err(e) => failed(x.device(), x.shape(), x.dtype(), e),
    })
}

fn gradient(x: &Tensor, [log_sums, labels]: [&Tensor; 2], factor: Tensor, hot: bool) -> Result<Buffer> {
    const FILES: &[Wgsl] = &[wgsl!("rows/cross_entropy_grad.wgsl")];
    let device = x.device();
    let (rows, length) = (x.shape()[0], x.shape()[1]);
    let step = usize::from(factor.size() > 1);
    let x_read = fuse::whole_prologue(x.clone())?;
    let own = |t: &Tensor| fuse::prologue(t.with_shape(&Shape::from(rows)), &Shape::from(rows));
    let (log_sums, labels, factor) = (own(log_sums)?, own(labels)?, fuse::whole_prologue(factor)?);
    let gx = device.allocate(fuse::bytes(device, x.dtype(), x.size()))?;
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let of = match x_read.plan.compute {
                DType::F32 => gradient_cpu::<f32>,
                _ => gradient_cpu::<f64>,
            };
            of(&x_read, [&log_sums, &labels, &factor], hot, (&gx, x.dtype()));
        }
        Device::Gpu(gpu) => {
            let mut kernel = Kernel::over_rows("cross_entropy_grad", gpu, x_read.plan.compute, FILES);
            kernel.rows("x", &x_read, 1);
            kernel.input("sum", &log_sums, Index::Flat);
            kernel.input("label", &labels, Index::Flat);
            kernel.input("factor", &factor, Index::Flat);
            kernel.output("y", &gx, x.dtype(), 0);
            kernel.constant("HOT", u32::from(hot));
            let threads = row_threads(&mut kernel, length);
            kernel.word("rows", rows);
            kernel.word("length", length);
            kernel.word("step", step);
            kernel.launch(fold(rows.div_ceil(256 / threads)));
        }
    }
    Ok(gx)
}

fn gradient_cpu<R: Lane>(
    x: &Prologue,
    [log_sums, labels, factor]: [&Prologue; 3],
    hot: bool,
    (out, dtype): (&Buffer, DType),
) {
    struct Pass<'a, R> {
        x: &'a [R],
        gx: &'a mut [R],
        log_sum: R,
        factor: R,
    }
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Pass { x, gx, log_sum, factor } = self;
            gx.iter_mut().zip(x).for_each(|(gx, &x)| *gx = R::exp_nonpositive(x - log_sum) * factor);
        }
    }
    let (count, length) = (x.plan.shape[0], x.plan.shape[1]);
    let x = Reading::<R>::new(x);
    let [log_sums, labels, factors] = [log_sums, labels, factor].map(elementwise::values::<R>);
    fill_rows::<R>((out, dtype, 0), Rows { count, length, cost: 8 }, |row, gx| {
        let (label, factor) = (labels[row].to_f64(), factors[if factors.len() > 1 { row } else { 0 }]);
        if label < 0.0 {
            return gx.fill(R::ZERO);
        }
        let mut computed = vec![];
        let x = x.read(row * length, length, &mut computed);
        pulp::Arch::new().dispatch(Pass { x, gx, log_sum: log_sums[row], factor });
        if hot {
            gx[label as usize] -= factor;
        }
    });
}

fn rows_cpu<R: Lane>(prologue: &Prologue, t: &[i32], length: usize, ignore: i32) -> Result<(Vec<f64>, Vec<f64>)> {
    let values = Reading::<R>::new(prologue);
    let (mut losses, mut sums) = (vec![0.0; t.len()], vec![0.0; t.len()]);
    if let Some(at) = t.iter().position(|&t| t != ignore && !(0..length as i64).contains(&i64::from(t))) {
        return Err(Error::IndexOutOfRange {
            operator: "softmax_cross_entropy".into(),
            index: i64::from(t[at]),
            position: at,
            low: 0,
            high: length as i64,
        });
    }
    let (out_losses, out_sums) = (Disjoint::new(&mut losses), Disjoint::new(&mut sums));
    parallel::ranges(t.len(), length * 8, 1, |range| {
        let mut computed = vec![];
        for row in range {
            let x = values.read(row * length, length, &mut computed);
            let (largest, sum) = largest_and_sum(x);
            let log_sum = (largest + R::ln(sum)).to_f64();
            // SAFETY: each row is written once.
            unsafe {
                out_sums.range(row..row + 1)[0] = log_sum;
                if t[row] != ignore {
                    out_losses.range(row..row + 1)[0] = log_sum - x[t[row] as usize].to_f64();
                }
            }
        }
    });
    Ok((losses, sums))
}

/// The mean of `x` where `labels` are at least 0, and one over their number; 0 and 1 where there is none. Both scalars.
pub(crate) fn valid_mean(x: &Tensor, labels: &Tensor) -> (Tensor, Tensor) {
    let device = x.device();
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let dtypes = [x.dtype(), wide];
    if x.size() == 0 {
        return (Tensor::zeros((), dtypes[0], device), Tensor::ones((), dtypes[1], device));
    }
    match means(x, labels, dtypes).and_then(|b| device.check().map(|()| b)) {
        Ok([y, scale]) => {
            let whole = |b, d| Tensor::whole(Storage::ready(device.clone(), d, 1, b, None), Shape::scalar());
            (whole(y, dtypes[0]), whole(scale, dtypes[1]))
        }
        Err(error) => {
            let none = |d| failed(device, &Shape::scalar(), d, error.clone());
            (none(dtypes[0]), none(dtypes[1]))
        }
    }
}

fn means(x: &Tensor, labels: &Tensor, dtypes: [DType; 2]) -> Result<[Buffer; 2]> {
    const FILES: &[Wgsl] = &[wgsl!("rows/valid_mean.wgsl")];
    /// Elements of a workgroup, where there are so many that one would take long.
    const PART: usize = 1 << 15;
    let device = x.device();
    let (x, labels) = (fuse::whole_prologue(x.clone())?, fuse::whole_prologue(labels.clone())?);
    let n = x.plan.shape.size();
    let new = |d: DType, n: usize| device.allocate(fuse::bytes(device, d, n));
    let out = [new(dtypes[0], 1)?, new(dtypes[1], 1)?];
    match device {
        Device::Cpu(_) => {
            device.count_launch();
            let (x, labels) = (values(&x), values(&labels));
            let valid = || x.iter().zip(&labels).filter(|(_, l)| **l >= 0.0);
            let scale = 1.0 / (valid().count().max(1) as f64);
            let mean = valid().map(|(x, _)| x).sum::<f64>() * scale;
            // SAFETY: fresh buffers.
            unsafe {
                write_f64(&out[0], dtypes[0], 0, &[mean]);
                write_f64(&out[1], dtypes[1], 0, &[scale]);
            }
        }
        Device::Gpu(gpu) => {
            let compute = compute_type(dtypes[0], device);
            let parts = if n > PART { n.div_ceil(PART) } else { 1 };
            if parts == 1 {
                let mut kernel = Kernel::over_rows("valid_mean", gpu, compute, FILES);
                kernel.constant("THREADS", 256);
                kernel.constant("PARTS", 0);
                kernel.input("x", &x, Index::Flat);
                kernel.input("label", &labels, Index::Flat);
                kernel.output("y", &out[0], dtypes[0], 0);
                kernel.output("scale", &out[1], dtypes[1], 0);
                kernel.word("part", n);
                kernel.word("n", n);
                kernel.launch([1, 1, 1]);
                return Ok(out);
            }
            let scratch = new(compute, 2 * parts)?;
            let mut kernel = Kernel::over_rows("valid_mean", gpu, compute, FILES);
            kernel.constant("THREADS", 256);
            kernel.constant("PARTS", 1);
            kernel.input("x", &x, Index::Flat);
            kernel.input("label", &labels, Index::Flat);
            kernel.output("y", &scratch, compute, 0);
            kernel.output("scale", &out[1], dtypes[1], 0);
            kernel.word("part", PART);
            kernel.word("n", n);
            kernel.launch(fold(parts));
            let storage = Storage::ready(device.clone(), compute, 2 * parts, scratch, None);
            let pairs = Tensor::whole(storage, Shape::from(2 * parts));
            let pairs = fuse::whole_prologue(pairs)?;
            let mut kernel = Kernel::over_rows("valid_mean", gpu, compute, FILES);
            kernel.constant("THREADS", 256);
            kernel.constant("PARTS", 2);
            kernel.input("x", &pairs, Index::Flat);
            kernel.input("label", &pairs, Index::Flat);
            kernel.output("y", &out[0], dtypes[0], 0);
            kernel.output("scale", &out[1], dtypes[1], 0);
            kernel.word("part", parts);
            kernel.word("n", parts);
            kernel.launch([1, 1, 1]);
        }
    }
    Ok(out)
}

fn values(prologue: &Prologue) -> Vec<f64> {
    match prologue.plan.compute {
        DType::F32 => elementwise::collect::<f32>(prologue).into_iter().map(f64::from).collect(),
        _ => elementwise::collect::<f64>(prologue),
    }
}
