use super::{Reduce, labels::check_labels, log_space::logsumexp};
use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{concat, expand_dims, select_item, split_axis, with_shape},
        connection::embed_id,
        math::sum,
    },
    shape::{DType, ensure},
    tensor::{Tensor, expect},
};

/// The negative log-likelihood of label sequences under a linear-chain conditional random field.
///
/// `cost` is `(k, k)`, the score of label j after label i. `xs[t]` are scores `(n_t, k)` and `ys[t]` labels `(n_t,)` of
/// `int32` of all sequences at time t: sequences are sorted by length, longest first, and transposed, so `n_t` never
/// grows. The mean over sequences, or the loss of each.
///
/// Launches: 24 forward, 27 backward, for three steps.
///
/// # Panics
/// When shapes or dtypes do not fit, or a label that came from the host is out of range; when the sum is asked for, which
/// Chainer does not have.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let cost = Variable::new(Tensor::zeros([2, 2], DType::F32, &device));
/// let x = Variable::new(Tensor::zeros([1, 2], DType::F32, &device));
/// let y = Variable::constant(Tensor::from_slice(&[1], [1], &device));
/// // Four sequences of two labels, all as likely.
/// let loss = F::crf1d(&cost, &[&x, &x], &[&y, &y], F::Reduce::Mean);
/// assert!((loss.item().unwrap() - 4f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn crf1d(cost: &Variable, xs: &[&Variable], ys: &[&Variable], reduce: Reduce) -> Variable {
    check(cost, xs);
    let labels = || {
        ensure!(xs.len(), ==, ys.len());
        for (x, y) in xs.iter().zip(ys) {
            ensure!(y.dtype(), ==, DType::I32);
            ensure!(y.shape()[..] == x.shape()[..1], "ys[t].shape == (xs[t].shape[0],)", "{}", y.shape());
        }
        ensure!(reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        Ok(())
    };
    expect("crf1d", labels(), &[cost.data()]);
    let k = cost.shape()[0];
    for y in ys {
        check_labels("crf1d", y.data(), k, None);
    }
    let mut alpha = xs[0].clone();
    let mut score = select_item(xs[0], ys[0]);
    let pairs = with_shape(cost, [k * k, 1]);
    let (mut alphas, mut scores) = (vec![], vec![]);
    for t in 1..xs.len() {
        let n = xs[t].shape()[0];
        cut(&mut alpha, n, &mut alphas);
        cut(&mut score, n, &mut scores);
        alpha = logsumexp(&(expand_dims(&alpha, -1) + expand_dims(cost, 0)), 1) + xs[t];
        let before = ys[t - 1].data().slice(&[(0..n).into()]);
        let pair = Variable::constant(before.mul_scalar(k as f64).add(ys[t].data()));
        score = score + select_item(xs[t], ys[t]) + with_shape(&embed_id(&pair, &pairs, None), [n]);
    }
    let loss = logsumexp(&rejoin(alpha, alphas), 1) - rejoin(score, scores);
    if reduce == Reduce::No { loss } else { sum(&loss) * (1.0 / xs[0].shape()[0].max(1) as f64) }
}

/// The best label sequences under the field of [`crf1d`]: their scores `(n_0,)` and the labels of each time, `int32`; no
/// gradient.
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn argmax_crf1d(cost: &Variable, xs: &[&Variable]) -> (Variable, Vec<Variable>) {
    check(cost, xs);
    let cost = cost.data().expand_dims(0);
    let mut alpha = xs[0].data().clone();
    let mut steps: Vec<(Tensor, Option<Tensor>)> = vec![];
    for x in &xs[1..] {
        let n = x.shape()[0];
        let ended = (alpha.shape()[0] > n).then(|| alpha.slice(&[(n..).into()]));
        let scores = alpha.slice(&[(0..n).into()]).expand_dims(-1).add(&cost);
        steps.push((scores.argmax(1), ended));
        alpha = scores.max(Some(&[1]), false).add(x.data());
    }
    let mut label = alpha.argmax(1);
    let mut path = vec![label.clone()];
    for (best, ended) in steps.into_iter().rev() {
        label = best.pick("argmax_crf1d", &label);
        if let Some(ended) = ended {
            label = Tensor::concat(&[&label, &ended.argmax(1)], 0);
            alpha = Tensor::concat(&[&alpha, &ended], 0);
        }
        path.push(label.clone());
    }
    path.reverse();
    let score = Variable::constant(alpha.max(Some(&[1]), false));
    (score, path.into_iter().map(Variable::constant).collect())
}

#[track_caller]
fn check(cost: &Variable, xs: &[&Variable]) {
    let check = || {
        ensure!(cost.dtype().is_float(), "cost.dtype.kind == f", "{}", cost.dtype());
        ensure!(cost.ndim(), ==, 2);
        ensure!(cost.shape()[0], ==, cost.shape()[1]);
        ensure!(!xs.is_empty(), "at least one time", "none");
        let mut n = usize::MAX;
        for x in xs {
            ensure!(x.dtype() == cost.dtype(), "xs[t].dtype == cost.dtype", "{} != {}", x.dtype(), cost.dtype());
            ensure!(x.ndim(), ==, 2);
            ensure!(x.shape()[1], ==, cost.shape()[0]);
            ensure!(x.shape()[0] <= n, "sequences sorted by length, longest first", "{} after {n}", x.shape()[0]);
            n = x.shape()[0];
        }
        Ok(())
    };
    expect("crf1d", check(), &[cost.data()]);
}

/// Keeps the first `n` rows; the sequences of the others have ended.
fn cut(x: &mut Variable, n: usize, ended: &mut Vec<Variable>) {
    if x.shape()[0] > n {
        let parts = split_axis(x, [n], 0);
        ended.push(parts[1].clone());
        *x = parts[0].clone();
    }
}

fn rejoin(last: Variable, mut ended: Vec<Variable>) -> Variable {
    if ended.is_empty() {
        return last;
    }
    ended.push(last);
    concat(&ended.iter().rev().collect::<Vec<_>>(), 0)
}

pub(super) fn cases() -> Vec<Case> {
    let loss = |x: &[Variable], reduce: Reduce| crf1d(&x[0], &[&x[1], &x[2], &x[3]], &[&x[4], &x[5], &x[6]], reduce);
    let of = |case: Case| {
        let scores = case.input([4, 4]).input([3, 4]).input([3, 4]).input([1, 4]);
        scores.integers([3], 0, 4).integers([3], 0, 4).integers([1], 0, 4)
    };
    let best = |x: &[Variable]| {
        let (score, path) = argmax_crf1d(&x[0], &[&x[1], &x[2]]);
        std::iter::once(score).chain(path).collect()
    };
    vec![
        of(Case::new("crf1d", move |x| loss(x, Reduce::Mean))),
        of(Case::new("crf1d/each", move |x| loss(x, Reduce::No))),
        Case::many("crf1d/argmax", best).input([3, 3]).input([3, 3]).input([2, 3]).order(0),
    ]
}
