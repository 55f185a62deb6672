use super::batch_normalization::{BatchNormalization, channels};
use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        array::{cast, with_shape},
        family::{Elementwise, map},
        math::{rsqrt, sum_to},
    },
    shape::{DType, InvalidType, Meta, ensure},
    tensor::{Real, Wgsl, expect, wgsl},
};

/// `gamma * (x - mean) / sqrt(var + eps) + beta` with statistics that are given: batch normalisation in evaluation.
///
/// `x` is `(N, C, ..)`, the others are `(C,)`. One elementwise operator, computed with what stands before and after it.
///
/// Launches: 1 forward, 8 backward.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let of = |v: &[f32]| Variable::constant(Tensor::from_slice(v, [1, v.len()], &Device::cpu()));
/// let c = |v: f32| Variable::constant(Tensor::full([2], v as f64, DType::F32, &Device::cpu()));
/// let y = F::fixed_batch_normalization(&of(&[1.0, 5.0]), &c(2.0), &c(1.0), &c(1.0), &c(4.0));
/// assert!((y.data().to_vec::<f32>().unwrap()[1] - 5.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn fixed_batch_normalization(
    x: &Variable,
    gamma: &Variable,
    beta: &Variable,
    mean: &Variable,
    var: &Variable,
) -> Variable {
    fixed_batch_normalization_with(x, gamma, beta, mean, var, &BatchNormalization::default())
}

/// As [`fixed_batch_normalization`], with options.
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn fixed_batch_normalization_with(
    x: &Variable,
    gamma: &Variable,
    beta: &Variable,
    mean: &Variable,
    var: &Variable,
    options: &BatchNormalization,
) -> Variable {
    let name = "fixed_batch_normalization";
    let inputs = [x.data(), gamma.data(), beta.data(), mean.data(), var.data()];
    let (_, shape) = expect(name, channels(x.data(), gamma.data(), options.axis.as_deref()), &inputs);
    let same = || {
        ensure!(beta.shape(), ==, gamma.shape());
        ensure!(mean.shape(), ==, gamma.shape());
        ensure!(var.shape(), ==, gamma.shape());
        Ok(())
    };
    expect(name, same(), &inputs);
    let [gamma, beta, mean, var] = [gamma, beta, mean, var].map(|v| with_shape(v, shape.clone()));
    map(Fixed(options.eps), [x, &gamma, &beta, &mean, &var])
}

#[derive(Debug, Clone)]
struct Fixed(f64);

impl Elementwise<5, 1> for Fixed {
    const NAME: &str = "fixed_batch_normalization";
    const FILES: &[Wgsl] = &[wgsl!("normalization/normalized.wgsl")];
    const RETAIN: Retain = Retain::NOTHING.input(0).input(1).input(3).input(4);

    /// Statistics and factors of half-precision data may be singles.
    fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
        let x = xs[0].dtype;
        ensure!(x.is_float(), "x.dtype.kind == f", "{x}");
        for (name, of) in ["gamma", "beta", "mean", "var"].into_iter().zip(&xs[1..]) {
            let fits = of.dtype == x || (x == DType::F16 && of.dtype == DType::F32);
            ensure!(fits, format!("{name}.dtype == x.dtype"), "{} != {x}", of.dtype);
        }
        Ok(x)
    }

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x, gamma, beta, mean, var]: [R; 5], [eps]: [R; 1]) -> R {
        (x - mean) / R::sqrt(var + eps) * gamma + beta
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 5] {
        let [x, gamma, mean, var] = [0, 1, 3, 4].map(|i| saved.input(i));
        // What belongs to a channel is of its size, and what is not wanted costs nothing: it is pending.
        let sum = |v: &Variable| sum_to(v, saved.meta(1).shape.clone());
        let like = |v: &Variable, i: usize| cast(v, saved.meta(i).dtype);
        let of_x = |v: &Variable| cast(v, x.dtype());
        let scale = of_x(&rsqrt(&(var + self.0)));
        let slope = &scale * of_x(gamma);
        // Two sums for each channel make the gradients of all that belongs to it.
        let total = (saved.needs(2) || saved.needs(3)).then(|| sum(gy));
        let moment = (saved.needs(1) || saved.needs(4)).then(|| sum(&(gy * (x - of_x(mean)))));
        let gx = saved.needs(0).then(|| gy * &slope);
        let (total, moment) = (total.as_ref(), moment.as_ref());
        let ggamma = moment.filter(|_| saved.needs(1)).map(|m| like(&(m * &scale), 1));
        let gbeta = total.filter(|_| saved.needs(2)).map(|t| like(t, 2));
        let gmean = total.filter(|_| saved.needs(3)).map(|t| like(&-(t * &slope), 3));
        let gvar = moment.filter(|_| saved.needs(4)).map(|m| like(&(m * (&slope * &scale * &scale * -0.5)), 4));
        [gx, ggamma, gbeta, gmean, gvar]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, axis: Option<&[isize]>| {
        let options = BatchNormalization { axis: axis.map(<[isize]>::to_vec), ..Default::default() };
        Case::new(name, move |x| fixed_batch_normalization_with(&x[0], &x[1], &x[2], &x[3], &x[4], &options))
    };
    let with = |case: Case, x: &[usize], c: &[usize]| {
        case.input(x).input(c).input(c).input(c).input_in(c, 0.5, 1.5).tolerance(2e-5)
    };
    vec![
        with(case("fixed_batch_normalization", None), &[4, 3], &[3]),
        with(case("fixed_batch_normalization/images", None), &[2, 3, 2, 2], &[3]),
        with(case("fixed_batch_normalization/axis01", Some(&[0, 1])), &[2, 3, 4], &[4]),
        with(case("fixed_batch_normalization/empty", None), &[0, 3], &[3]),
    ]
}
