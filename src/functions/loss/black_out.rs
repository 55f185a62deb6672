use super::{Reduce, log_space::logsumexp, negative_sampling::check};
use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{concat, expand_dims},
        connection::embed_id,
        math::{exp, log, sum_axes},
    },
};

/// The BlackOut loss of word vectors: of the softmax `p` over the target's and the sampled words' scores,
/// `-log p[t] - sum over k of log(1 - p[samples[k]])`.
///
/// `x` is `(n, d)`, `w` is `(words, d)`; `t` of shape `(n,)` and `samples` of shape `(n, k)` are `int32`. Chainer's
/// default is the mean.
///
/// Launches: 13 forward, 18 backward: vectors are fetched twice.
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
/// let samples = Variable::constant(Tensor::from_slice(&[0], [1, 1], &device));
/// assert!((F::black_out(&x, &t, &w, &samples, F::Reduce::Mean).item().unwrap() - 4f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn black_out(x: &Variable, t: &Variable, w: &Variable, samples: &Variable, reduce: Reduce) -> Variable {
    check("black_out", x, t, w, samples);
    let with = |vectors: &Variable, x: &Variable| sum_axes(&(vectors * x), Some(&[-1]), false);
    let known = with(&embed_id(t, w, None), x);
    let others = with(&embed_id(samples, w, None), &expand_dims(x, 1));
    let total = logsumexp(&concat(&[&expand_dims(&known, 1), &others], 1), 1);
    let rest = log(&(1.0 - exp(&(others - expand_dims(&total, 1)))));
    reduce.apply(total - known - sum_axes(&rest, Some(&[1]), false))
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, reduce: Reduce| {
        let case = Case::new(name, move |x| black_out(&x[0], &x[1], &x[2], &x[3], reduce));
        case.input([3, 4]).integers([3], 0, 6).input([6, 4]).integers([3, 2], 0, 6)
    };
    vec![case("black_out", Reduce::Mean), case("black_out/each", Reduce::No)]
}
