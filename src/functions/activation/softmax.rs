use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::math::{exp, sum_axes},
    shape::{InvalidType, Meta, axis, same_float},
    tensor::{Tensor, expect},
};
use ndarray::arr2;

/// Softmax along axis 1: see [`softmax_axis`].
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::zeros([1, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::softmax(&x).data().to_vec::<f32>().unwrap(), [0.25; 4]);
/// ```
#[track_caller]
pub fn softmax(x: &Variable) -> Variable {
    softmax_axis(x, 1)
}

/// Softmax, `y[i] = e^x[i] / sum(e^x)`, along `axis`.
///
/// The largest value is subtracted first, so that no finite `x` overflows. Any shape with that axis; floats.
///
/// Passes over memory: forward, one kernel reads `x` twice and writes `y` once. Rows that several workgroups share (of
/// more than 65,536 elements where there are fewer than 64 rows, of more than 2,097,152, or of more than a binding shows)
/// are read three times, by three kernels or more. Backward, one kernel reads `y` and `gy` twice, the second time from the
/// cache if a row fits in it, and writes `gx` once; for long rows a sum reads them before.
///
/// # Panics
/// When `x` is no float or `axis` is out of range.
#[track_caller]
pub fn softmax_axis(x: &Variable, axis: isize) -> Variable {
    apply(Softmax { axis }, &[x])
}

impl Tensor {
    /// Softmax along `axis`: see [`softmax_axis`].
    ///
    /// # Panics
    /// When it is no float or `axis` is out of range.
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        let f = Softmax { axis };
        expect("softmax", f.infer(&[self.meta()]), &[self]);
        f.run(self)
    }
}

#[derive(Debug)]
struct Softmax {
    axis: isize,
}

impl Softmax {
    fn run(&self, x: &Tensor) -> Tensor {
        x.softmax_rows(axis(self.axis, x.ndim()).expect("inferred before"), false)
    }
}

impl Function for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        axis(self.axis, xs[0].ndim())?;
        Ok(xs.to_vec())
    }

    fn retain(&self) -> Retain {
        Retain::OUTPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        self.run(&xs[0]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let gradient = SoftmaxGrad { axis: self.axis, log: false };
        vec![gys[0].as_ref().map(|gy| apply(gradient, &[saved.output(0), gy]))]
    }
}

/// The gradient of softmax or its logarithm from its result and that of the result: `y * (gy - sum(y * gy))` or
/// `gy - e^y * sum(gy)`.
#[derive(Debug)]
pub(super) struct SoftmaxGrad {
    pub axis: isize,
    pub log: bool,
}

impl Function for SoftmaxGrad {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax_grad" } else { "softmax_grad" }
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let axis = axis(self.axis, xs[0].ndim()).expect("inferred before");
        xs[0].softmax_rows_grad(&xs[1], axis, self.log).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(ggx) = &gys[0] else { return vec![None; 2] };
        let (y, gy) = (saved.input(0), saved.input(1));
        let total = |x: &Variable| sum_axes(x, Some(&[self.axis]), true);
        let of_y = saved.needs(0).then(|| match self.log {
            true => -(ggx * exp(y) * total(gy)),
            false => ggx * (gy - total(&(y * gy))) - gy * total(&(ggx * y)),
        });
        let of_gy = saved.needs(1).then(|| match self.log {
            true => ggx - total(&(ggx * exp(y))),
            false => apply(SoftmaxGrad { axis: self.axis, log: false }, &[y, ggx]),
        });
        vec![of_y, of_gy]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("softmax", |x| softmax(&x[0])).input([3, 5]),
        Case::new("softmax/axis0", |x| softmax_axis(&x[0], 0)).input([4, 3]),
        Case::new("softmax/middle", |x| softmax(&x[0])).input([2, 3, 4]),
        Case::new("softmax/last", |x| softmax_axis(&x[0], -1)).input_in([2, 3, 40], -3.0, 3.0),
        Case::new("softmax/long", |x| softmax(&x[0])).input([2, 1500]).order(1),
        Case::new("softmax/of_expression", |x| softmax(&(&x[0] * &x[1]))).input([3, 5]).input([5]),
        Case::new("softmax/one", |x| softmax_axis(&x[0], 0)).input([1]),
        Case::new("softmax/empty", |x| softmax(&x[0])).input([0, 3]),
        Case::new("softmax/large", |x| softmax(&x[0]))
            .exact(arr2(&[[1000.0, 1001.0, 0.0], [-1000.0, -1001.0, -3000.0]]).into_dyn()),
    ]
}
