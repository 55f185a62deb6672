use super::Reduce;
use crate::{
    autograd::{Case, Variable},
    functions::{activation::softplus, array::expand_dims, connection::embed_id, math::sum_axes},
    shape::{DType, ensure},
    tensor::expect,
};
use ndarray::arr1;

/// The negative sampling loss of word vectors, `softplus(-x . w[t]) + sum over k of softplus(x . w[samples[k]])`.
///
/// `x` is `(n, d)`, `w` is `(words, d)`; `t` of shape `(n,)` and `samples` of shape `(n, k)` are `int32`. Targets of -1
/// count for nothing. Chainer's default is the sum; the mean is over the batch.
///
/// Launches: 10 forward, 13 backward: vectors are fetched twice.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let x = Variable::new(Tensor::zeros([1, 3], DType::F32, &device));
/// let w = Variable::new(Tensor::ones([5, 3], DType::F32, &device));
/// let t = Variable::constant(Tensor::from_slice(&[4], [1], &device));
/// let samples = Variable::constant(Tensor::from_slice(&[0, 2], [1, 2], &device));
/// let loss = F::negative_sampling(&x, &t, &w, &samples, F::Reduce::Sum);
/// assert!((loss.item().unwrap() - 8f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn negative_sampling(x: &Variable, t: &Variable, w: &Variable, samples: &Variable, reduce: Reduce) -> Variable {
    check("negative_sampling", x, t, w, samples);
    let with = |vectors: &Variable, x: &Variable| sum_axes(&(vectors * x), Some(&[-1]), false);
    let counts = Variable::constant(t.data().not_equal(&t.data().full_like(-1.0)).cast(x.dtype()));
    let known = embed_id(t, w, Some(-1));
    let others = embed_id(samples, w, None);
    let away = sum_axes(&softplus(&with(&others, &expand_dims(x, 1))), Some(&[1]), false);
    reduce.apply((softplus(&-with(&known, x)) + away) * counts)
}

/// What losses over sampled words ask of their inputs.
#[track_caller]
pub(super) fn check(name: &str, x: &Variable, t: &Variable, w: &Variable, samples: &Variable) {
    let check = || {
        ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
        ensure!(w.dtype() == x.dtype(), "w.dtype == x.dtype", "{} != {}", w.dtype(), x.dtype());
        ensure!(t.dtype(), ==, DType::I32);
        ensure!(samples.dtype(), ==, DType::I32);
        ensure!(x.ndim(), ==, 2);
        ensure!(w.ndim(), ==, 2);
        ensure!(samples.ndim(), ==, 2);
        ensure!(t.ndim(), ==, 1);
        ensure!(x.shape()[1], ==, w.shape()[1]);
        ensure!(t.shape()[0], ==, x.shape()[0]);
        ensure!(samples.shape()[0], ==, x.shape()[0]);
        Ok(())
    };
    expect(name, check(), &[x.data(), t.data(), w.data(), samples.data()]);
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        let case = Case::new(name, move |x| negative_sampling(&x[0], &x[1], &x[2], &x[3], reduce));
        case.input([3, 4]).exact(arr1(&[2, -1, 5]).into_dyn()).input([6, 4]).integers([3, 2], 0, 6)
    };
    vec![case("negative_sampling", Reduce::Sum), case("negative_sampling/each", Reduce::No)]
}
