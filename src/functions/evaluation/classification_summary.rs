use super::{
    accuracy::{scores, scores_and_labels},
    hits::counted,
};
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply_all},
    functions::loss::one_hot,
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::Tensor,
};
use ndarray::arr1;

/// What [`classification_summary`] gives, each of shape `(classes,)`.
#[derive(Debug, Clone)]
pub struct Summary {
    /// `true positives / predicted`.
    pub precision: Variable,
    /// `true positives / labelled`.
    pub recall: Variable,
    /// `(1 + beta^2) precision recall / (beta^2 precision + recall)`.
    pub fbeta: Variable,
    /// Labels of the class, `int32`.
    pub support: Variable,
}

/// Precision, recall, their weighted harmonic mean and the number of labels of each class; no gradient.
///
/// `y` has shape `(n, classes, ..)` and `t`, of `int32`, the shape without the classes. Labels of `ignore_label` do not
/// count. NaN where a class was never predicted, or never labelled.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let y = Variable::new(Tensor::from_slice(&[0.1f32, 0.9, 0.8, 0.2], [2, 2], &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[1, 1], [2], &Device::cpu()));
/// let summary = F::classification_summary(&y, &t, 1.0, -1);
/// assert_eq!(summary.recall.data().to_vec::<f32>().unwrap()[1], 0.5);
/// assert_eq!(summary.support.data().to_vec::<i32>().unwrap(), [0, 2]);
/// ```
#[track_caller]
pub fn classification_summary(y: &Variable, t: &Variable, beta: f64, ignore_label: i32) -> Summary {
    let labels = y.shape().get(1).copied().unwrap_or(0);
    classification_summary_of(y, t, labels, beta, ignore_label)
}

/// As [`classification_summary`], of the classes below `label_num`, of which the scores may know more or fewer.
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn classification_summary_of(
    y: &Variable,
    t: &Variable,
    label_num: usize,
    beta: f64,
    ignore_label: i32,
) -> Summary {
    let results = apply_all(Classify { label_num, beta, ignore_label }, &[&y.detach(), t]);
    let Ok([precision, recall, fbeta, support]) = <[Variable; 4]>::try_from(results) else {
        unreachable!("inferred as four")
    };
    Summary { precision, recall, fbeta, support }
}

/// Precision and the number of labels of each class: see [`classification_summary`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn precision(y: &Variable, t: &Variable, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary(y, t, 1.0, ignore_label);
    (s.precision, s.support)
}

/// As [`precision`], of the classes below `label_num`: see [`classification_summary_of`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn precision_of(y: &Variable, t: &Variable, label_num: usize, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary_of(y, t, label_num, 1.0, ignore_label);
    (s.precision, s.support)
}

/// Recall and the number of labels of each class: see [`classification_summary`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn recall(y: &Variable, t: &Variable, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary(y, t, 1.0, ignore_label);
    (s.recall, s.support)
}

/// As [`recall`], of the classes below `label_num`: see [`classification_summary_of`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn recall_of(y: &Variable, t: &Variable, label_num: usize, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary_of(y, t, label_num, 1.0, ignore_label);
    (s.recall, s.support)
}

/// The harmonic mean of precision and recall, and the number of labels, of each class: see [`classification_summary`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn f1_score(y: &Variable, t: &Variable, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary(y, t, 1.0, ignore_label);
    (s.fbeta, s.support)
}

/// As [`f1_score`], of the classes below `label_num`: see [`classification_summary_of`].
///
/// # Panics
/// As [`classification_summary`].
#[track_caller]
pub fn f1_score_of(y: &Variable, t: &Variable, label_num: usize, ignore_label: i32) -> (Variable, Variable) {
    let s = classification_summary_of(y, t, label_num, 1.0, ignore_label);
    (s.fbeta, s.support)
}

#[derive(Debug)]
struct Classify {
    label_num: usize,
    beta: f64,
    ignore_label: i32,
}

impl Function for Classify {
    fn name(&self) -> &'static str {
        "classification_summary"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        scores_and_labels(xs)?;
        ensure!(self.beta, >, 0.0);
        let of = |dtype| Meta::new(Shape::from(self.label_num), dtype);
        let real = of(xs[0].dtype);
        Ok(vec![real.clone(), real.clone(), real, of(DType::I32)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (y, t) = (&xs[0].with_shape(&scores(&xs[0], &xs[1])), &xs[1]);
        let classes = self.label_num;
        let over: Vec<isize> = (0..y.ndim() as isize).filter(|&a| a != 1).collect();
        // Counted in f32 whatever the dtype of the scores: halves end at 2048.
        let counts = |t: &Tensor| t.sum(Some(&over), false);
        let used = counted(t, self.ignore_label).add_scalar(1.0).mul_scalar(0.5).with_shape(&y.shape().with(1, 1));
        let labelled = one_hot(t, classes, DType::F32).mul(&used);
        let predicted = one_hot(&y.argmax(1), classes, DType::F32).mul(&used);
        let hits = counts(&labelled.mul(&predicted));
        let support = counts(&labelled);
        let (precision, recall) = (hits.div(&counts(&predicted)), hits.div(&support));
        let square = self.beta * self.beta;
        let both = precision.mul(&recall).mul_scalar(1.0 + square);
        let fbeta = both.div(&precision.mul_scalar(square).add(&recall));
        let real = |t: Tensor| t.cast(y.dtype());
        vec![real(precision), real(recall), real(fbeta), support.cast(DType::I32)].into()
    }

    fn backward(&self, _: &Saved, _: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![None, None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let all = |x: &[Variable]| {
        let s = classification_summary(&x[0], &x[1], 2.0, -1);
        vec![s.precision, s.recall, s.fbeta, s.support]
    };
    let labels = || arr1(&[0, -1, 2, 1, -1, 2, 0]).into_dyn();
    vec![
        Case::many("classification_summary", all).input([24, 3]).integers([24], -1, 3).order(0),
        Case::many("classification_summary/inner", all).input([4, 3, 5]).integers([4, 5], 0, 3).order(0),
        Case::new("classification_summary/precision", |x| precision(&x[0], &x[1], -1).0)
            .input([7, 3])
            .exact(labels())
            .order(0),
        Case::new("classification_summary/recall", |x| recall(&x[0], &x[1], -1).0)
            .input([7, 3])
            .exact(labels())
            .order(0),
        Case::new("classification_summary/f1_score", |x| f1_score(&x[0], &x[1], -1).0)
            .input([7, 3])
            .exact(labels())
            .order(0),
        Case::many("classification_summary/more_labels", |x| {
            let s = classification_summary_of(&x[0], &x[1], 5, 1.0, -1);
            vec![s.precision, s.recall, s.fbeta, s.support]
        })
        .input([12, 4])
        .integers([12], 0, 4)
        .order(0),
        Case::many("classification_summary/each_of_more_labels", |x| {
            [precision_of, recall_of, f1_score_of].map(|f| f(&x[0], &x[1], 5, -1).0).into()
        })
        .input([12, 4])
        .integers([12], 0, 4)
        .order(0),
        Case::many("classification_summary/fewer_labels", |x| {
            let s = classification_summary_of(&x[0], &x[1], 2, 1.0, -1);
            vec![s.precision, s.recall, s.fbeta, s.support]
        })
        .input([12, 4])
        .integers([12], 0, 4)
        .order(0),
    ]
}
