use super::exp;
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::array::with_shape,
    shape::{InvalidType, Meta, axes, ensure, reduced},
    tensor::Tensor,
};
use ndarray::arr2;

/// `log(sum(exp(x)))` of all elements, a scalar.
///
/// # Panics
/// When `x` is no float or empty.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::full([4], 1000.0, DType::F32, &Device::cpu()));
/// assert!((F::logsumexp(&x).item().unwrap() - 1000.0 - 4f64.ln()).abs() < 1e-3);
/// ```
#[track_caller]
pub fn logsumexp(x: &Variable) -> Variable {
    logsumexp_axes(x, None)
}

/// `log(sum(exp(x)))` over `axes` (all of them for `None`), which are dropped.
///
/// Nothing overflows, however large `x` is.
///
/// # Panics
/// When `x` is no float, an axis is out of range or repeated, or there is nothing to sum over.
#[track_caller]
pub fn logsumexp_axes(x: &Variable, axes: Option<&[isize]>) -> Variable {
    apply(LogSumExp { axes: axes.map(<[isize]>::to_vec) }, &[x])
}

#[derive(Debug)]
struct LogSumExp {
    axes: Option<Vec<isize>>,
}

impl Function for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let x = &xs[0];
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        let out = reduced(&x.shape, &axes(self.axes.as_deref(), x.ndim())?, false);
        ensure!(x.shape.size() > 0 || out.size() == 0, "at least one element to sum over", "{}", x.shape);
        Ok(vec![Meta::new(out, x.dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (x, axes) = (&xs[0], self.axes.as_deref());
        // A row of infinities has a finite shift: their difference would be NaN.
        let most = f64::from(f32::MAX);
        let shift = x.max(axes, true).clip(-most, most);
        let sum = x.sub(&shift).exp().sum(axes, true).log().add(&shift);
        let over = crate::shape::axes(axes, x.ndim()).expect("checked in infer");
        sum.with_shape(&reduced(x.shape(), &over, false)).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let x = saved.input(0);
        let over = axes(self.axes.as_deref(), x.ndim()).expect("checked in the forward pass");
        let kept = |y: &Variable| with_shape(y, reduced(x.shape(), &over, true));
        vec![gys[0].as_ref().map(|gy| kept(gy) * exp(&(x - kept(saved.output(0)))))]
    }
}

impl Tensor {
    /// `log(sum(exp(x)))` over `axes`: see [`logsumexp`].
    ///
    /// # Panics
    /// As [`logsumexp_axes`].
    #[track_caller]
    pub fn logsumexp(&self, axes: Option<&[isize]>) -> Tensor {
        logsumexp_axes(&Variable::constant(self.clone()), axes).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let infinite = arr2(&[[f64::NEG_INFINITY, f64::NEG_INFINITY], [1.0, f64::INFINITY], [1000.0, 1001.0]]);
    vec![
        Case::new("logsumexp", |x| logsumexp(&x[0])).input([2, 3, 4]),
        Case::new("logsumexp/axes", |x| logsumexp_axes(&x[0], Some(&[0, 2]))).input([2, 3, 4]),
        Case::new("logsumexp/last", |x| logsumexp_axes(&x[0], Some(&[-1]))).input([3, 40]),
        Case::new("logsumexp/extreme", |x| logsumexp_axes(&x[0], Some(&[1]))).exact(infinite.into_dyn()).order(0),
        Case::new("logsumexp/empty", |x| logsumexp_axes(&x[0], Some(&[0]))).input([3, 0]),
    ]
}
