use super::cumsum::along;
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::array::{delayed, flip},
    shape::{InvalidType, Meta, ensure},
    tensor::Tensor,
};
use ndarray::arr2;

/// Running products along an axis, `y[i] = x[0] * .. * x[i]`; without an axis, `x` is flattened.
///
/// Gradients of any order are right also where elements are zero.
///
/// # Panics
/// When `x` is no float, or the axis is out of range.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()) );
/// assert_eq!(F::cumprod(&(x + 1.0), Some(0)).data().to_vec::<f32>().unwrap(), [1.0, 2.0, 6.0, 24.0]);
/// ```
#[track_caller]
pub fn cumprod(x: &Variable, axis: Option<isize>) -> Variable {
    along("cumprod", x, axis, running_product)
}

/// Along the last axis.
#[track_caller]
pub(super) fn running_product(x: &Variable) -> Variable {
    apply(Cumprod, &[x])
}

#[derive(Debug)]
struct Cumprod;

impl Function for Cumprod {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].dtype.is_float(), "x.dtype.kind == f", "{}", xs[0].dtype);
        Ok(xs.to_vec())
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].running_product().into()
    }

    // gx[i] = y[i - 1] * (gy[i] + x[i + 1] * (gy[i + 1] + ..)): nothing is divided by x.
    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let later = |gy| reversed(saved.input(0), gy);
        vec![gys[0].as_ref().map(|gy| delayed(saved.output(0), 1.0) * later(gy))]
    }
}

/// `z[i] = b[i] + a[i + 1] * z[i + 1]` along the last axis, from behind.
fn reversed(a: &Variable, b: &Variable) -> Variable {
    let a = delayed(&flip(a, -1), 0.0);
    flip(&apply(Recurrence, &[&a, &flip(b, -1)]), -1)
}

/// `z[i] = a[i] * z[i - 1] + b[i]` along the last axis, from zero on.
#[derive(Debug)]
struct Recurrence;

impl Function for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].shape, ==, xs[1].shape);
        Ok(vec![xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].recurrence(&xs[1]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gz) = &gys[0] else { return vec![None, None] };
        let gb = reversed(saved.input(0), gz);
        vec![saved.needs(0).then(|| &gb * delayed(saved.output(0), 0.0)), Some(gb)]
    }
}

impl Tensor {
    /// Running products: see [`cumprod`].
    ///
    /// # Panics
    /// As [`cumprod`].
    #[track_caller]
    pub fn cumprod(&self, axis: Option<isize>) -> Tensor {
        cumprod(&Variable::constant(self.clone()), axis).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cumprod", |x| cumprod(&x[0], Some(1))).input([2, 3, 4]),
        Case::new("cumprod/zeros", |x| cumprod(&x[0], Some(-1)))
            .exact(arr2(&[[1.5, 0.0, 2.0, 0.5], [0.0, 3.0, 0.0, 2.0]]).into_dyn()),
        Case::new("cumprod/flat", |x| cumprod(&x[0], None)).input([2, 3]),
        Case::new("cumprod/long", |x| cumprod(&x[0], Some(1))).input_in([2, 1100], 0.99, 1.01).order(1).tolerance(1e-4),
        Case::new("cumprod/empty", |x| cumprod(&x[0], Some(1))).input([2, 0]),
        Case::new("cumprod/recurrence", |x| apply(Recurrence, &[&x[0], &x[1]])).input([2, 40]).input([2, 40]),
        Case::new("cumprod/infinite", |x| cumprod(&x[0], Some(0)))
            .exact(ndarray::Array1::from_elem(40, 1e30).into_dyn())
            .order(0)
            .tolerance(f64::INFINITY),
    ]
}
