use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::activation::softmax::SoftmaxGrad,
    shape::{InvalidType, Meta, axis, same_float},
    tensor::{Tensor, expect},
};
use ndarray::arr2;

/// The logarithm of softmax along axis 1: see [`log_softmax_axis`].
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::zeros([1, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::log_softmax(&x).data().to_vec::<f32>().unwrap(), [0.25f32.ln(); 4]);
/// ```
#[track_caller]
pub fn log_softmax(x: &Variable) -> Variable {
    log_softmax_axis(x, 1)
}

/// The logarithm of softmax, `y[i] = x[i] - ln sum(e^x)`, along `axis`.
///
/// The largest value is subtracted first, so that no finite `x` overflows. Any shape with that axis; floats.
///
/// Passes over memory: forward, one kernel reads `x` twice and writes `y` once; long rows as [softmax
/// has](super::softmax_axis). Backward, one kernel reads `gy` twice (for its sum along the row, and for `gx`) and `y`
/// once, and writes `gx` once.
///
/// # Panics
/// When `x` is no float or `axis` is out of range.
#[track_caller]
pub fn log_softmax_axis(x: &Variable, axis: isize) -> Variable {
    apply(LogSoftmax { axis }, &[x])
}

impl Tensor {
    /// The logarithm of softmax along `axis`: see [`log_softmax_axis`].
    ///
    /// # Panics
    /// When it is no float or `axis` is out of range.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        let f = LogSoftmax { axis };
        expect("log_softmax", f.infer(&[self.meta()]), &[self]);
        f.run(self)
    }
}

#[derive(Debug)]
struct LogSoftmax {
    axis: isize,
}

impl LogSoftmax {
    fn run(&self, x: &Tensor) -> Tensor {
        x.softmax_rows(axis(self.axis, x.ndim()).expect("inferred before"), true)
    }
}

impl Function for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
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
        let gradient = SoftmaxGrad { axis: self.axis, log: true };
        vec![gys[0].as_ref().map(|gy| apply(gradient, &[saved.output(0), gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("log_softmax", |x| log_softmax(&x[0])).input([3, 5]),
        Case::new("log_softmax/axis0", |x| log_softmax_axis(&x[0], 0)).input([4, 3]),
        Case::new("log_softmax/middle", |x| log_softmax(&x[0])).input([2, 3, 4]),
        Case::new("log_softmax/last", |x| log_softmax_axis(&x[0], -1)).input_in([2, 3, 40], -3.0, 3.0),
        Case::new("log_softmax/long", |x| log_softmax(&x[0])).input([2, 1500]).order(1),
        Case::new("log_softmax/of_expression", |x| log_softmax(&(&x[0] * &x[1]))).input([3, 5]).input([5]),
        Case::new("log_softmax/one", |x| log_softmax_axis(&x[0], 0)).input([1]),
        Case::new("log_softmax/empty", |x| log_softmax(&x[0])).input([0, 3]),
        Case::new("log_softmax/large", |x| log_softmax(&x[0]))
            .exact(arr2(&[[1000.0, 1001.0, 0.0], [-1000.0, -1001.0, -3000.0]]).into_dyn()),
    ]
}
