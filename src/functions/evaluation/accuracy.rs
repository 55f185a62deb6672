use super::hits::{counted, equal};
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    kernel::cross_entropy::valid_mean,
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::Tensor,
};
use ndarray::arr1;

/// The part of labels `t` at which `y` is largest among the classes, from 0 to 1; no gradient.
///
/// `y` has shape `(n, classes, ..)` and `t`, of `int32`, the shape without the classes. Labels of `ignore_label` do not
/// count; the accuracy is 0 where none counts.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let y = Variable::new(Tensor::from_slice(&[0.1f32, 0.9, 0.8, 0.2], [2, 2], &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[1, 1], [2], &Device::cpu()));
/// assert_eq!(F::accuracy(&y, &t, None).item().unwrap(), 0.5);
/// ```
#[track_caller]
pub fn accuracy(y: &Variable, t: &Variable, ignore_label: Option<i32>) -> Variable {
    apply(Accuracy(ignore_label), &[&y.detach(), t])
}

#[derive(Debug)]
struct Accuracy(Option<i32>);

/// What accuracies ask of scores and labels.
pub(super) fn scores_and_labels(xs: &[Meta]) -> Result<(), InvalidType> {
    let (y, t) = (&xs[0], &xs[1]);
    ensure!(y.dtype.is_float(), "y.dtype.kind == f", "{}", y.dtype);
    ensure!(t.dtype, ==, DType::I32);
    ensure!(y.ndim(), >=, 2);
    let without = y.shape.remove(1);
    // As Chainer has it, the scores may have further axes of length 1.
    let fits = without.len() >= t.ndim() && without[..t.ndim()] == t.shape[..];
    let fits = fits && without[t.ndim().min(without.len())..].iter().all(|&d| d == 1);
    ensure!(fits, "t.shape == y.shape without axis 1", "{} and {}", t.shape, y.shape);
    ensure!(y.shape[1], >, 0);
    Ok(())
}

/// The shape of scores without the axes of length 1 that their labels do not have.
pub(super) fn scores(y: &Tensor, t: &Tensor) -> Shape {
    y.shape()[..t.ndim() + 1].iter().copied().collect()
}

impl Function for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        scores_and_labels(xs)?;
        Ok(vec![Meta::new(Shape::scalar(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (y, t) = (&xs[0].with_shape(&scores(&xs[0], &xs[1])), &xs[1]);
        let hits = equal(&y.argmax(1), t, y.dtype());
        match self.0 {
            Some(ignored) => valid_mean(&hits, &counted(t, ignored)).0.into(),
            None => hits.sum(None, false).mul_scalar(1.0 / t.size().max(1) as f64).into(),
        }
    }

    fn backward(&self, _: &Saved, _: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![None, None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let labels = || arr1(&[0, -1, 2, 1, -1]).into_dyn();
    vec![
        Case::new("accuracy", |x| accuracy(&x[0], &x[1], None)).input([9, 3]).integers([9], 0, 3).order(0),
        Case::new("accuracy/ignored", |x| accuracy(&x[0], &x[1], Some(-1))).input([5, 3]).exact(labels()).order(0),
        Case::new("accuracy/inner", |x| accuracy(&x[0], &x[1], Some(0)))
            .input([2, 3, 4])
            .integers([2, 4], 0, 3)
            .order(0),
        Case::new("accuracy/none_counts", |x| accuracy(&x[0], &x[1], Some(1)))
            .input([2, 3])
            .exact(arr1(&[1, 1]).into_dyn())
            .order(0),
        Case::new("accuracy/further_axes", |x| accuracy(&x[0], &x[1], None))
            .input([4, 3, 1, 1])
            .integers([4], 0, 3)
            .order(0),
        Case::new("accuracy/empty", |x| accuracy(&x[0], &x[1], None)).input([0, 3]).integers([0], 0, 3).order(0),
    ]
}
