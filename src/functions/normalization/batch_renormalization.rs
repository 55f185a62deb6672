use super::{
    BatchNormalization, RunningStatistics,
    batch_normalization::{batch_normalization_with, channels},
    fixed_batch_normalization_with,
};
use crate::{
    autograd::{Case, Variable},
    functions::array::cast,
    kernel::moments::moments,
    shape::ensure,
    tensor::{Tensor, expect},
};

/// Options of [`batch_renormalization`].
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRenormalization {
    /// The largest ratio of the batch's deviation to the running one, and the inverse of the smallest.
    pub rmax: f64,
    /// The largest distance of the batch's mean from the running one, in running deviations.
    pub dmax: f64,
    /// Added to variances; 2e-5 by default.
    pub eps: f64,
    /// What stays of running statistics in a step; 0.9 by default.
    pub decay: f64,
    /// Axes over which statistics are taken, as those of batch normalisation.
    pub axis: Option<Vec<isize>>,
}

impl Default for BatchRenormalization {
    fn default() -> BatchRenormalization {
        BatchRenormalization { rmax: 1.0, dmax: 0.0, eps: 2e-5, decay: 0.9, axis: None }
    }
}

impl BatchRenormalization {
    fn plain(&self) -> BatchNormalization {
        BatchNormalization { eps: self.eps, decay: self.decay, axis: self.axis.clone() }
    }
}

/// Batch normalisation corrected towards running statistics: `gamma * (r * (x - mean) / sqrt(var + eps) + d) + beta`.
///
/// `r` is the batch's deviation over the running one, within `1 / rmax ..= rmax`, and `d` the distance of the means over
/// the running deviation, within `-dmax ..= dmax`; gradients take both for constants. The running statistics are moved on
/// afterwards (Ioffe, "Batch Renormalization", 2017).
///
/// Launches: 7 forward, 4 backward, with the running statistics.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 3.0], [2, 1], &Device::cpu()));
/// let c = |v: f64| Tensor::full([1], v, DType::F32, &Device::cpu());
/// let mut running = F::RunningStatistics { mean: c(0.0), var: c(1.0) };
/// let (one, zero) = (Variable::constant(c(1.0)), Variable::constant(c(0.0)));
/// F::batch_renormalization(&x, &one, &zero, &mut running, &F::BatchRenormalization::default());
/// assert!((running.mean.item().unwrap() - 0.2).abs() < 1e-6);
/// ```
#[track_caller]
pub fn batch_renormalization(
    x: &Variable,
    gamma: &Variable,
    beta: &Variable,
    running: &mut RunningStatistics,
    options: &BatchRenormalization,
) -> Variable {
    let _named = crate::shape::named("batch_renormalization");
    let name = "batch_renormalization";
    let inputs = [x.data(), gamma.data(), beta.data()];
    let (axes, shape) = expect(name, channels(x.data(), gamma.data(), options.axis.as_deref()), &inputs);
    let same = || {
        ensure!(running.mean.shape(), ==, gamma.shape());
        ensure!(running.var.shape(), ==, gamma.shape());
        Ok(())
    };
    expect(name, same(), &inputs);
    let (r, d) = if x.size() == 0 {
        (gamma.data().full_like(1.0), gamma.data().full_like(0.0))
    } else {
        let batch = moments(x.data(), &axes, options.eps, None);
        let of = |t: &Tensor| t.cast(batch.mean.dtype()).with_shape(&shape);
        let by = of(&running.var).add_scalar(options.eps).rsqrt();
        let r = by.div(&batch.scale).clip(1.0 / options.rmax, options.rmax);
        let d = batch.mean.sub(&of(&running.mean)).mul(&by).clip(-options.dmax, options.dmax);
        (r.with_shape(gamma.shape()).cast(gamma.dtype()), d.with_shape(gamma.shape()).cast(gamma.dtype()))
    };
    let (r, d) = (Variable::constant(r), Variable::constant(d));
    let shift = cast(&(beta + gamma * d), beta.dtype());
    batch_normalization_with(x, &(gamma * r), &shift, &options.plain(), Some(running))
}

/// [`batch_renormalization`] with statistics that are given: as
/// [`fixed_batch_normalization`](super::fixed_batch_normalization).
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn fixed_batch_renormalization(
    x: &Variable,
    gamma: &Variable,
    beta: &Variable,
    mean: &Variable,
    var: &Variable,
    options: &BatchRenormalization,
) -> Variable {
    let _named = crate::shape::named("fixed_batch_renormalization");
    fixed_batch_normalization_with(x, gamma, beta, mean, var, &options.plain())
}

pub(super) fn cases() -> Vec<Case> {
    // Every bound is met, so that r and d are constants to finite differences too.
    let options = BatchRenormalization { rmax: 1.01, dmax: 0.01, eps: 1e-3, ..Default::default() };
    let renormalize = move |x: &[Variable]| {
        let c = |v: f64| Tensor::full(x[1].shape().clone(), v, x[0].dtype(), x[0].device());
        let mut running = RunningStatistics { mean: c(5.0), var: c(9.0) };
        batch_renormalization(&x[0], &x[1], &x[2], &mut running, &options)
    };
    let again = renormalize.clone();
    vec![
        Case::new("batch_renormalization", renormalize).input([5, 3]).input([3]).input([3]).tolerance(1e-4),
        Case::new("batch_renormalization/images", again).input([2, 3, 3, 2]).input([3]).input([3]).tolerance(1e-4),
        Case::new("batch_renormalization/fixed", |x| {
            fixed_batch_renormalization(&x[0], &x[1], &x[2], &x[3], &x[4], &Default::default())
        })
        .input([4, 2])
        .input([2])
        .input([2])
        .input([2])
        .input_in([2], 0.5, 1.5),
    ]
}
