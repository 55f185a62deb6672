use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{DType, InvalidType, Meta, Shape, ensure, same_float},
    tensor::{Op, Pointwise, Real, Tensor, block, wgsl},
};
use ndarray::arr2;

/// The coefficient of determination, `1 - sum((t - y)^2) / sum((t - mean(t))^2)` over the first axis, averaged over the
/// others; no gradient.
///
/// 0 where the targets do not vary. Floats of one shape.
///
/// # Panics
/// When shapes or dtypes differ, or there is no axis.
///
/// ```
/// # use catena::prelude::*;
/// let y = Variable::new(Tensor::from_slice(&[1.0f32, 2.0, 4.0], [3], &Device::cpu()));
/// let t = Variable::new(Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &Device::cpu()));
/// assert_eq!(F::r2_score(&y, &t).item().unwrap(), 0.5);
/// ```
#[track_caller]
pub fn r2_score(y: &Variable, t: &Variable) -> Variable {
    apply(Score { average: true }, &[&y.detach(), &t.detach()])
}

/// As [`r2_score`], for each position of the axes after the first by itself.
///
/// # Panics
/// As [`r2_score`].
#[track_caller]
pub fn r2_score_each(y: &Variable, t: &Variable) -> Variable {
    apply(Score { average: false }, &[&y.detach(), &t.detach()])
}

#[derive(Debug)]
struct Score {
    average: bool,
}

struct Determined;
impl Pointwise<2, 0> for Determined {
    #[inline(always)]
    fn at<R: Real>([left, total]: [R; 2], []: [R; 0]) -> R {
        R::select(total == R::ZERO, R::ZERO, R::ONE - left / total)
    }
}

/// `1 - left / total`, 0 where the total is 0.
const DETERMINED: Op = Op {
    name: "determined",
    files: &[wgsl!("evaluation/r2_score.wgsl")],
    arity: 2,
    indexed: false,
    cheap: false,
    f32: block::<f32, Determined, 2, 0>,
    f64: block::<f64, Determined, 2, 0>,
};

impl Function for Score {
    fn name(&self) -> &'static str {
        "r2_score"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let dtype: DType = same_float(xs)?;
        let (y, t) = (&xs[0], &xs[1]);
        ensure!(y.shape, ==, t.shape);
        ensure!(y.ndim(), >=, 1);
        Ok(vec![Meta::new(if self.average { Shape::scalar() } else { y.shape.remove(0) }, dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (y, t) = (&xs[0], &xs[1]);
        let squares = |d: Tensor| d.mul(&d).sum(Some(&[0]), false);
        let scale = 1.0 / t.shape()[0].max(1) as f64;
        let middle = t.sum(Some(&[0]), true).mul_scalar(scale);
        let (left, total) = (squares(t.sub(y)), squares(t.sub(&middle)));
        let each = Tensor::map(DETERMINED, &[], &[&left, &total], left.shape().clone(), y.dtype());
        if !self.average {
            return each.into();
        }
        let scale = 1.0 / each.size().max(1) as f64;
        each.sum(None, false).mul_scalar(scale).into()
    }

    fn backward(&self, _: &Saved, _: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![None, None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("r2_score", |x| r2_score(&x[0], &x[1])).input([6, 3]).input([6, 3]).order(0).tolerance(1e-4),
        Case::new("r2_score/each", |x| r2_score_each(&x[0], &x[1]))
            .input([6, 3])
            .input([6, 3])
            .order(0)
            .tolerance(1e-4),
        Case::new("r2_score/constant", |x| r2_score_each(&x[0], &x[1]))
            .input([2, 2])
            .exact(arr2(&[[1.0f64, 2.0], [1.0, 3.0]]).into_dyn())
            .order(0),
    ]
}
