use super::absolute_error::{AbsoluteError, ScaledSign};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::family::{map, map_tensors},
    shape::{InvalidType, Meta, Shape, ensure, same_float},
    tensor::Tensor,
};

/// The mean of `|a - b|` over all elements.
///
/// Floats of one shape; the mean of none is 0.
///
/// Launches: 1 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::new(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// let b = Variable::new(Tensor::from_slice(&[3.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::mean_absolute_error(&a, &b).item().unwrap(), 1.0);
/// ```
#[track_caller]
pub fn mean_absolute_error(a: &Variable, b: &Variable) -> Variable {
    apply(MeanAbsoluteError, &[a, b])
}

#[derive(Debug)]
struct MeanAbsoluteError;

impl Function for MeanAbsoluteError {
    fn name(&self) -> &'static str {
        "mean_absolute_error"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let dtype = same_float(xs)?;
        let (a, b) = (&xs[0], &xs[1]);
        ensure!(a.shape, ==, b.shape);
        Ok(vec![Meta::new(Shape::scalar(), dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let scale = 1.0 / xs[0].size().max(1) as f64;
        map_tensors(AbsoluteError, [&xs[0], &xs[1]]).sum(None, false).mul_scalar(scale).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None, None] };
        let scale = 1.0 / saved.meta(0).shape.size().max(1) as f64;
        let of = |c: f64| map(ScaledSign(c), [saved.input(0), saved.input(1), gy]);
        vec![saved.needs(0).then(|| of(scale)), saved.needs(1).then(|| of(-scale))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("mean_absolute_error", |x| mean_absolute_error(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("mean_absolute_error/scalar", |x| mean_absolute_error(&x[0], &x[1])).input(()).input(()),
        Case::new("mean_absolute_error/empty", |x| mean_absolute_error(&x[0], &x[1])).input([0, 4]).input([0, 4]),
    ]
}
