use super::hits::binary_hit;
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    kernel::cross_entropy::valid_mean,
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::Tensor,
};

/// The part of labels `t` that `y >= 0` meets, from 0 to 1; no gradient.
///
/// `t` is `int32` of the shape of `y`, with 0 and 1 for the classes and -1 for what does not count.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let y = Variable::new(Tensor::from_slice(&[-1.0f32, 0.0, 2.0], [3], &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[0, 0, -1], [3], &Device::cpu()));
/// assert_eq!(F::binary_accuracy(&y, &t).item().unwrap(), 0.5);
/// ```
#[track_caller]
pub fn binary_accuracy(y: &Variable, t: &Variable) -> Variable {
    apply(BinaryAccuracy, &[&y.detach(), t])
}

#[derive(Debug)]
struct BinaryAccuracy;

impl Function for BinaryAccuracy {
    fn name(&self) -> &'static str {
        "binary_accuracy"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (y, t) = (&xs[0], &xs[1]);
        ensure!(y.dtype.is_float(), "y.dtype.kind == f", "{}", y.dtype);
        ensure!(t.dtype, ==, DType::I32);
        ensure!(y.shape, ==, t.shape);
        Ok(vec![Meta::new(Shape::scalar(), y.dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        valid_mean(&binary_hit(&xs[0], &xs[1]), &xs[1]).0.into()
    }

    fn backward(&self, _: &Saved, _: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![None, None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str| Case::new(name, |x| binary_accuracy(&x[0], &x[1])).order(0);
    vec![
        case("binary_accuracy").input([4, 3]).integers([4, 3], -1, 2),
        case("binary_accuracy/empty").input([0]).integers([0], 0, 1),
    ]
}
