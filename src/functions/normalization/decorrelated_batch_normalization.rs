use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{swapaxes, transpose, with_shape},
        math::{matmul, mean_axes, rsqrt, sum_axes},
    },
    shape::{InvalidType, ensure},
    tensor::{Tensor, expect},
};

/// Options of [`decorrelated_batch_normalization`]; the defaults are those of Chainer's link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecorrelatedBatchNormalization {
    /// Groups of channels, decorrelated among themselves; 16.
    pub groups: usize,
    /// Added to the variances; 2e-5.
    pub eps: f64,
    /// What stays of running statistics in a step; 0.9.
    pub decay: f64,
}

impl Default for DecorrelatedBatchNormalization {
    fn default() -> DecorrelatedBatchNormalization {
        DecorrelatedBatchNormalization { groups: 16, eps: 2e-5, decay: 0.9 }
    }
}

/// Running means, `(groups, C / groups)`, and projections, `(groups, C / groups, C / groups)`.
#[derive(Debug, Clone)]
pub struct RunningProjection {
    /// Means.
    pub mean: Tensor,
    /// What whitens.
    pub projection: Tensor,
}

/// Turns of the iteration that finds `cov^(-1/2)`: enough where the largest variance is 10^6 times the smallest.
const TURNS: usize = 24;

/// Channels whitened over a batch: `y = cov^(-1/2) (x - mean)`, for groups of channels.
///
/// `x` is `(N, C, ..)`; the mean and the covariance of each group's channels are over all else. The root is found by
/// Newton's method, which is products of small matrices alone: it can be differentiated to any order. Running statistics are
/// moved towards those of the batch (Huang et al., "Decorrelated Batch Normalization", 2018).
///
/// Launches: 105 forward, 154 backward: 24 turns of an iteration with matrix products.
///
/// # Panics
/// When shapes or dtypes do not fit, or the groups do not divide the channels.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, 3.0, -5.0, 0.0, 4.0, 2.0, 1.0], [4, 2], &Device::cpu()));
/// let options = F::DecorrelatedBatchNormalization { groups: 1, ..Default::default() };
/// let y = F::decorrelated_batch_normalization(&x, &options, None);
/// let cov = F::matmul_transposed(&y, &y, true, false) * 0.25;
/// assert!((cov.data().to_vec::<f32>().unwrap()[0] - 1.0).abs() < 1e-3);
/// ```
#[track_caller]
pub fn decorrelated_batch_normalization(
    x: &Variable,
    options: &DecorrelatedBatchNormalization,
    running: Option<&mut RunningProjection>,
) -> Variable {
    expect("decorrelated_batch_normalization", fits(x, options.groups), &[x.data()]);
    let (g, c) = (options.groups, x.shape()[1] / options.groups);
    let rows = grouped(x, g);
    let m = rows.shape()[2] as f64;
    let mean = mean_axes(&rows, Some(&[2]), true);
    let centred = rows - &mean;
    let cov = matmul(&centred, &swapaxes(&centred, 1, 2)) * (1.0 / m);
    let projection = inverse_root(&cov, options.eps);
    if let Some(r) = running {
        let keep = |old: &Tensor, new: &Tensor, share: f64| {
            let share = (1.0 - options.decay) * share;
            let moved = old.mul_scalar(options.decay).add(&new.mul_scalar(share).cast(old.dtype()));
            moved.settle()
        };
        r.mean = keep(&r.mean, &mean.data().reshape([g as isize, c as isize]), 1.0);
        r.projection = keep(&r.projection, projection.data(), m / (m - 1.0).max(1.0));
    }
    ungrouped(&matmul(&projection, &centred), x)
}

/// `y = projection (x - mean)` with statistics that are given: [`decorrelated_batch_normalization`] in evaluation.
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn fixed_decorrelated_batch_normalization(x: &Variable, mean: &Variable, projection: &Variable) -> Variable {
    let check = || {
        ensure!(mean.ndim(), ==, 2);
        ensure!(mean.dtype() == x.dtype(), "mean.dtype == x.dtype", "{} != {}", mean.dtype(), x.dtype());
        let of = projection.dtype();
        ensure!(of == x.dtype(), "projection.dtype == x.dtype", "{of} != {}", x.dtype());
        let (g, c) = (mean.shape()[0], mean.shape()[1]);
        fits(x, g)?;
        ensure!(x.shape()[1], ==, g * c);
        ensure!(
            projection.shape()[..] == [g, c, c],
            format!("projection.shape == ({g}, {c}, {c})"),
            "{}",
            projection.shape()
        );
        Ok(())
    };
    expect("fixed_decorrelated_batch_normalization", check(), &[x.data(), mean.data(), projection.data()]);
    let (g, c) = (mean.shape()[0], mean.shape()[1]);
    let centred = grouped(x, g) - with_shape(mean, [g, c, 1]);
    ungrouped(&matmul(projection, &centred), x)
}

fn fits(x: &Variable, groups: usize) -> Result<(), InvalidType> {
    ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
    ensure!(x.ndim(), >=, 2);
    let divides = groups > 0 && x.shape()[1].is_multiple_of(groups);
    ensure!(divides, "x.shape[1] % groups == 0", "{} channels, {groups} groups", x.shape()[1]);
    ensure!(x.size() > 0, "at least one element", "{}", x.shape());
    Ok(())
}

/// `(N, C, ..)` as `(groups, C / groups, the rest)`.
fn grouped(x: &Variable, groups: usize) -> Variable {
    let c = x.shape()[1] / groups;
    let rest = x.size() / x.shape()[1];
    with_shape(&swapaxes(x, 0, 1), [groups, c, rest])
}

/// The way back from [`grouped`].
fn ungrouped(y: &Variable, like: &Variable) -> Variable {
    let mut shape = like.shape().to_vec();
    shape.swap(0, 1);
    let mut axes: Vec<isize> = (0..shape.len() as isize).collect();
    axes.swap(0, 1);
    transpose(&with_shape(y, shape), Some(&axes))
}

/// `(cov + eps * 1)^(-1/2)` for a batch of matrices: Newton's coupled iteration, started from the matrix over its trace.
fn inverse_root(cov: &Variable, eps: f64) -> Variable {
    let c = cov.shape()[1];
    let one: Vec<f32> = (0..c * c).map(|i| if i / c == i % c { 1.0 } else { 0.0 }).collect();
    let one = Variable::constant(Tensor::from_slice(&one, [1, c, c], cov.device()).cast(cov.dtype()));
    let cov = cov + &one * eps;
    let trace = sum_axes(&(&cov * &one), Some(&[1, 2]), true);
    let mut y = &cov / &trace;
    let mut z = one.clone();
    for _ in 0..TURNS {
        let t = &one * 1.5 - matmul(&z, &y) * 0.5;
        y = matmul(&y, &t);
        z = matmul(&t, &z);
    }
    z * rsqrt(&trace)
}

pub(super) fn cases() -> Vec<Case> {
    let of = |groups: usize| DecorrelatedBatchNormalization { groups, eps: 1e-1, ..Default::default() };
    let case = move |name: &str, groups: usize| {
        Case::new(name, move |x| decorrelated_batch_normalization(&x[0], &of(groups), None)).tolerance(1e-4)
    };
    vec![
        case("decorrelated_batch_normalization", 2).input([6, 4]),
        case("decorrelated_batch_normalization/images", 1).input([2, 3, 3, 2]),
        Case::new("decorrelated_batch_normalization/fixed", |x| {
            fixed_decorrelated_batch_normalization(&x[0], &x[1], &x[2])
        })
        .input([3, 4, 2])
        .input([2, 2])
        .input([2, 2, 2]),
    ]
}
