//! Rows on the CPU: each is read from memory once.

use super::{flat, rows};
use crate::{
    device::Buffer,
    error::Result,
    kernel::{
        elementwise::{self, Lane, Reading, Writing},
        fuse::{self, Prologue},
        moments::{lanes, wide},
        parallel::{self, Disjoint},
        reduce::write_f64,
        row_passes::{Sum, fold_row},
        rows::{Rows, fill_rows},
    },
    shape::{DType, View},
    tensor::Tensor,
};

pub(super) fn normalize<R: Lane>(
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
    let [gamma, beta] = [gamma, beta].map(elementwise::values::<R>);
    let x = Reading::<R>::new(x);
    let mut kept = vec![0.0; 2 * count];
    let shared = Disjoint::new(&mut kept);
    fill_rows::<R>(out, Rows { count, length, cost: 4 }, |row, y| {
        let mut computed = vec![];
        let x = x.read(row * length, length, &mut computed);
        let [mean, scale] = pulp::Arch::new().dispatch(Pass { x, y, gamma: &gamma, beta: &beta, eps });
        // SAFETY: each row has its own places.
        unsafe {
            shared.range(row..row + 1)[0] = mean;
            shared.range(count + row..count + row + 1)[0] = scale;
        }
    });
    kept
}

/// The gradient to `x` and, where asked for, the sums over rows of `gy` and of `gy` times the normalised `x`.
pub(super) fn gradient(
    x: &Tensor,
    gamma: &Tensor,
    gy: &Tensor,
    kept: &Tensor,
    sums: bool,
) -> Result<(Buffer, Option<Buffer>)> {
    let (length, device, dtype) = (gamma.size(), x.device(), x.dtype());
    let operands = [rows(x, length)?, rows(gy, length)?, flat(gamma)?];
    let kept: Vec<f64> = kept.to_f64()?.into_iter().collect();
    let gx = device.allocate(fuse::bytes(device, dtype, x.size()))?;
    let sums = sums.then(|| device.allocate(fuse::bytes(device, wide(dtype), 2 * length))).transpose()?;
    device.count_launch();
    let run = match operands[0].plan.compute {
        DType::F32 => gradients::<f32>,
        _ => gradients::<f64>,
    };
    let found = run(&operands, &kept, (&gx, dtype), sums.is_some());
    if let Some(sums) = &sums {
        // SAFETY: a fresh buffer.
        unsafe { write_f64(sums, wide(dtype), 0, &found) };
    }
    Ok((gx, sums))
}

/// Elements of a cache line, at least.
const LINE: usize = 16;

/// Rows whose sums are added up in their own type before they are in `f64`.
const ROWS: usize = 32;

fn gradients<R: Lane>(
    [x, gy, gamma]: &[Prologue; 3],
    kept: &[f64],
    (out, dtype): (&Buffer, DType),
    sums: bool,
) -> Vec<f64> {
    let (count, length) = (x.plan.shape[0], x.plan.shape[1]);
    let gamma = elementwise::values::<R>(gamma);
    let (x, gy) = (Reading::<R>::new(x), Reading::<R>::new(gy));
    let to = Writing::<R>::new(out, dtype, &View::contiguous([count * length]));
    let parts = (4 * rayon::current_num_threads()).min(count.div_ceil(ROWS));
    let each = count.div_ceil(parts);
    let width = if sums { 2 * length } else { 0 };
    let mut totals = vec![0.0; parts * width];
    let shared = Disjoint::new(&mut totals);
    parallel::ranges(parts, each * length * 8, 1, |range| {
        let mut computed = [vec![], vec![], vec![]];
        // From a cache line on, or each vector would lie in two.
        let mut sums = vec![R::ZERO; width + LINE];
        let begin = sums.as_ptr().align_offset(64).min(LINE);
        let sums = &mut sums[begin..begin + width];
        for part in range {
            let last = ((part + 1) * each).min(count);
            // SAFETY: each part has its own sums.
            let total = unsafe { shared.range(part * width..(part + 1) * width) };
            for first in (part * each..last).step_by(ROWS) {
                for row in first..last.min(first + ROWS) {
                    let at = row * length;
                    let [of_x, of_gy, own] = &mut computed;
                    let (x, gy) = (x.read(at, length, of_x), gy.read(at, length, of_gy));
                    let (mean, scale) = (R::of(kept[row]), R::of(kept[count + row]));
                    let (sum, dot) = sums.split_at_mut(width / 2);
                    let gamma = &gamma[..];
                    let pass = |gx: &mut [R]| {
                        pulp::Arch::new().dispatch(Gradient { x, gy, gamma, gx, mean, scale, sum, dot });
                    };
                    // SAFETY: each row is written once, into a fresh buffer.
                    unsafe { to.write(at, length, own, pass) };
                }
                total.iter_mut().zip(sums.iter_mut()).for_each(|(t, s)| *t += std::mem::replace(s, R::ZERO).to_f64());
            }
        }
    });
    let mut parts = totals.chunks(width.max(1));
    let mut sums = parts.next().map(<[f64]>::to_vec).unwrap_or_default();
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(s, p)| *s += p);
    }
    sums
}

/// A row of the gradient, and what it adds to the sums of columns, if those are not empty.
struct Gradient<'a, R> {
    x: &'a [R],
    gy: &'a [R],
    gamma: &'a [R],
    gx: &'a mut [R],
    mean: R,
    scale: R,
    sum: &'a mut [R],
    dot: &'a mut [R],
}

impl<R: Lane> pulp::NullaryFnOnce for Gradient<'_, R> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Gradient { x, gy, gamma, gx, mean, scale, sum, dot } = self;
        let n = gx.len();
        let (x, gy, gamma) = (&x[..n], &gy[..n], &gamma[..n]);
        let [along, across] = standardized_dot(x, gy, gamma, mean, scale).map(|v| R::of(v / n as f64));
        if sum.is_empty() {
            for i in 0..n {
                gx[i] = scale * (gy[i] * gamma[i] - along - (x[i] - mean) * scale * across);
            }
            return;
        }
        let (sum, dot) = (&mut sum[..n], &mut dot[..n]);
        for i in 0..n {
            let h = (x[i] - mean) * scale;
            gx[i] = scale * (gy[i] * gamma[i] - along - h * across);
            sum[i] += gy[i];
            dot[i] += gy[i] * h;
        }
    }
}

/// The sums of `g = gy * gamma` and of `g * (x - mean) * scale` over a row.
#[inline(always)]
fn standardized_dot<R: Lane>(x: &[R], gy: &[R], gamma: &[R], mean: R, scale: R) -> [f64; 2] {
    const LANES: usize = 32;
    const BLOCK: usize = 2048;
    let mut total = [0.0; 2];
    for from in (0..x.len()).step_by(BLOCK) {
        let span = from..x.len().min(from + BLOCK);
        let (mut sums, mut dots) = ([R::ZERO; LANES], [R::ZERO; LANES]);
        let (xs, rest_x) = x[span.clone()].as_chunks::<LANES>();
        let (gys, rest_gy) = gy[span.clone()].as_chunks::<LANES>();
        let (gammas, rest_gamma) = gamma[span].as_chunks::<LANES>();
        for ((x, gy), gamma) in xs.iter().zip(gys).zip(gammas) {
            for i in 0..LANES {
                let g = gy[i] * gamma[i];
                sums[i] += g;
                dots[i] += g * ((x[i] - mean) * scale);
            }
        }
        for i in 0..rest_x.len() {
            let g = rest_gy[i] * rest_gamma[i];
            sums[i] += g;
            dots[i] += g * ((rest_x[i] - mean) * scale);
        }
        total[0] += fold_row(Sum, &sums).to_f64();
        total[1] += fold_row(Sum, &dots).to_f64();
    }
    total
}
