use super::standardize::Standardize;
use crate::{
    autograd::{Case, Variable},
    functions::array::with_shape,
    shape::{self, Axes, InvalidType, Shape, ensure},
    tensor::{Tensor, expect},
};

/// Options of [`batch_normalization_with`] and [`fixed_batch_normalization_with`](super::fixed_batch_normalization_with).
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormalization {
    /// Added to the variance; 2e-5 by default.
    pub eps: f64,
    /// What stays of running statistics in a step; 0.9 by default.
    pub decay: f64,
    /// Axes over which statistics are taken; for `None` the first one and those after the axes of `gamma`.
    pub axis: Option<Vec<isize>>,
}

impl Default for BatchNormalization {
    fn default() -> BatchNormalization {
        BatchNormalization { eps: 2e-5, decay: 0.9, axis: None }
    }
}

/// Running means and variances, of the shape of `gamma`.
#[derive(Debug, Clone)]
pub struct RunningStatistics {
    /// Means.
    pub mean: Tensor,
    /// Variances.
    pub var: Tensor,
}

/// `gamma * (x - mean) / sqrt(var + eps) + beta` with mean and variance over a batch.
///
/// `x` is `(N, C, ..)`, `gamma` and `beta` are `(C,)`: statistics are taken over all axes but that of the channels.
/// Forward takes three launches at most, backward too, with the elementwise functions that follow (Ioffe and Szegedy,
/// "Batch Normalization", 2015).
///
/// Launches: 2 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 10.0, 3.0, 30.0], [2, 2], &Device::cpu()));
/// let one = Variable::constant(Tensor::ones([2], DType::F32, &Device::cpu()));
/// let y = F::batch_normalization(&x, &one, &(&one * 0.0));
/// assert!((y.data().to_vec::<f32>().unwrap()[2] - 1.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn batch_normalization(x: &Variable, gamma: &Variable, beta: &Variable) -> Variable {
    batch_normalization_with(x, gamma, beta, &BatchNormalization::default(), None)
}

/// As [`batch_normalization`], with options; running statistics are moved towards those of the batch, the variance
/// towards the unbiased estimate, in the same launches.
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn batch_normalization_with(
    x: &Variable,
    gamma: &Variable,
    beta: &Variable,
    options: &BatchNormalization,
    running: Option<&mut RunningStatistics>,
) -> Variable {
    let name = "batch_normalization";
    let inputs = [x.data(), gamma.data(), beta.data()];
    let (axes, shape) = expect(name, channels(x.data(), gamma.data(), options.axis.as_deref()), &inputs);
    let same = || {
        ensure!(beta.shape(), ==, gamma.shape());
        if let Some(r) = &running {
            ensure!(r.mean.shape(), ==, gamma.shape());
            ensure!(r.var.shape(), ==, gamma.shape());
        }
        Ok(())
    };
    expect(name, same(), &inputs);
    let before = running.as_ref().map(|r| [r.mean.with_shape(&shape), r.var.with_shape(&shape)]);
    let of = Standardize { name, axes, eps: options.eps, decay: before.as_ref().map(|_| options.decay) };
    let (gamma, beta) = (with_shape(gamma, shape.clone()), with_shape(beta, shape));
    let mut ys = of.call(x, &gamma, &beta, before.as_ref().map(|[mean, var]| [mean, var]));
    if let Some(r) = running {
        r.mean = ys[1].data().with_shape(r.mean.shape());
        r.var = ys[2].data().with_shape(r.var.shape());
    }
    ys.swap_remove(0)
}

/// The axes of the statistics, and the shape of `gamma` among the axes of `x`.
pub(super) fn channels(x: &Tensor, gamma: &Tensor, axis: Option<&[isize]>) -> Result<(Axes, Shape), InvalidType> {
    let ndim = x.ndim();
    ensure!(ndim, >, gamma.ndim());
    let axes: Axes = match axis {
        Some(given) => shape::axes(Some(given), ndim)?,
        None => std::iter::once(0).chain(gamma.ndim() + 1..ndim).collect(),
    };
    let kept: Shape = shape::reduced(x.shape(), &axes, false);
    ensure!(*gamma.shape() == kept, format!("gamma.shape == {kept}"), "{}", gamma.shape());
    Ok((axes.clone(), shape::reduced(x.shape(), &axes, true)))
}

pub(super) fn cases() -> Vec<Case> {
    let over = |axis: &[isize]| BatchNormalization { eps: 1e-2, axis: Some(axis.to_vec()), ..Default::default() };
    let case = move |name: &str, axis: &[isize]| {
        let options = over(axis);
        Case::new(format!("batch_normalization/{name}"), move |x| {
            batch_normalization_with(&x[0], &x[1], &x[2], &options, None)
        })
    };
    let moving = |mean: bool| {
        Case::new(format!("batch_normalization/running_{}", if mean { "mean" } else { "var" }), move |x| {
            let mut running = RunningStatistics { mean: x[3].data().clone(), var: x[4].data().clone() };
            batch_normalization_with(&x[0], &x[1], &x[2], &Default::default(), Some(&mut running));
            Variable::constant(if mean { running.mean } else { running.var })
        })
        .input([5, 3, 40])
        .input([3])
        .input([3])
        .input([3])
        .input_in([3], 0.5, 1.5)
        .order(0)
    };
    vec![
        Case::new("batch_normalization", |x| batch_normalization(&x[0], &x[1], &x[2]))
            .input([5, 3])
            .input([3])
            .input([3])
            .tolerance(1e-4),
        Case::new("batch_normalization/images", |x| batch_normalization(&x[0], &x[1], &x[2]))
            .input([3, 2, 6, 6])
            .input([2])
            .input([2])
            .tolerance(1e-4),
        case("axis0", &[0]).input([4, 2, 3]).input([2, 3]).input([2, 3]).tolerance(1e-4),
        case("axis01", &[0, 1]).input([3, 4, 2]).input([2]).input([2]).tolerance(1e-4),
        case("channels_first", &[1, 2]).input([3, 4, 5]).input([3]).input([3]).tolerance(1e-4),
        case("middle", &[1]).input([3, 6, 2]).input([3, 2]).input([3, 2]).tolerance(1e-4),
        case("one_image", &[0, 2, 3]).input([1, 3, 4, 5]).input([3]).input([3]).tolerance(1e-4),
        case("long", &[0]).input([3000, 2]).input([2]).input([2]).tolerance(1e-4).order(1),
        case("long_rows", &[0, 2]).input([2, 2, 40_000]).input([2]).input([2]).tolerance(1e-4).order(1),
        Case::new("batch_normalization/far_from_zero", |x| batch_normalization(&(&x[0] + 1024.0), &x[1], &x[2]))
            .input([64, 3])
            .input([3])
            .input([3])
            .order(0)
            .tolerance(2e-3),
        Case::new("batch_normalization/then_relu", |x| {
            crate::functions::relu(&batch_normalization(&x[0], &x[1], &x[2]))
        })
        .input([4, 2, 5])
        .input_in([2], 0.5, 1.0)
        .input_in([2], 4.0, 5.0)
        .tolerance(1e-4),
        case("empty", &[0]).input([0, 3]).input([3]).input([3]).order(1),
        moving(true),
        moving(false),
    ]
}
