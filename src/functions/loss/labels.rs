//! Labels that came from the host, checked before anything is launched.

use crate::{
    kernel::create::known_range,
    shape::DType,
    tensor::{Op, Real, Scalar, Tensor, wgsl},
};

/// Panics at the caller's line when a label is known to be outside `0..classes`.
#[track_caller]
pub(super) fn check_labels(operator: &str, t: &Tensor, classes: usize, ignore: Option<i32>) {
    check_counted(operator, t, classes, ignore, |_| true);
}

/// As [`check_labels`], of the labels at the positions that count.
#[track_caller]
pub(super) fn check_counted(
    operator: &str,
    t: &Tensor,
    classes: usize,
    ignore: Option<i32>,
    counts: impl Fn(usize) -> bool,
) {
    let outside = |label: i64| Some(label) != ignore.map(i64::from) && !(0..classes as i64).contains(&label);
    let Some((low, high)) = known_range(t) else { return };
    if t.dtype() != DType::I32 || !(outside(low) || outside(high)) {
        return;
    }
    // The range is that of all the storage, of which this may be a part.
    let Some(labels) = t.peek() else { return };
    let bad = |&(at, label): &(usize, &f64)| counts(at) && outside(*label as i64);
    if let Some((at, label)) = labels.iter().enumerate().find(bad) {
        panic!(
            "Invalid operation is performed in: {operator} (Forward)\n\nExpect: labels within 0..{classes}{}\n\
             Actual: label {label} at position {at} of shape {}",
            ignore.map_or(String::new(), |i| format!(", or {i} for those to ignore")),
            t.shape()
        );
    }
}

/// Zeros of the labels' shape that fail, or make the next blocking call fail, if a label is outside `0..classes`; none
/// where [`check_labels`] has seen the labels.
pub(super) fn noted(operator: &'static str, t: &Tensor, classes: usize, dtype: DType) -> Option<Tensor> {
    if known_range(t).is_some() {
        return None;
    }
    let table = Tensor::zeros([classes, 1], dtype, t.device());
    Some(table.take_rows(operator, t, None).with_shape(t.shape()))
}

/// 1 at each label's class and 0 elsewhere, of shape `(n, classes, inner..)`; 0 everywhere for a label that is none.
pub(in crate::functions) fn one_hot(t: &Tensor, classes: usize, dtype: DType) -> Tensor {
    let inner = t.shape()[1..].iter().product::<usize>();
    let shape = t.shape().insert(1, classes);
    let labels = t.cast(dtype).with_shape(&t.shape().insert(1, 1));
    let word = |n: usize| Scalar::U(u32::try_from(n).expect("a tensor has fewer elements than 32 bits count"));
    Tensor::map(ONE_HOT, &[word(inner.max(1)), word(classes)], &[&labels], shape, dtype)
}

const ONE_HOT: Op = Op {
    name: "one_hot",
    files: &[wgsl!("loss/labels.wgsl")],
    arity: 1,
    indexed: true,
    cheap: false,
    f32: one_hot_block::<f32>,
    f64: one_hot_block::<f64>,
};

fn one_hot_block<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let (inner, classes) = (scalars[0].word() as usize, scalars[1].word() as usize);
    for (i, (o, label)) in out.iter_mut().zip(args[0]).enumerate() {
        let class = (at + i) / inner % classes;
        *o = R::select(label.to_f64() == class as f64, R::ONE, R::ZERO);
    }
}
