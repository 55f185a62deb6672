//! Zeros, subnormals, large numbers, infinities and NaN through elementwise functions, reductions, losses, pooling and
//! normalisation, and through their gradients, against what Chainer 7.8.1 on NumPy makes of them (`tests/extremes.txt`;
//! of `logsumexp`, what NumPy's own `logaddexp.reduce` does): on the CPU, and on a GPU as far as a probe shows that the
//! adapter keeps NaN and infinities, which WGSL does not promise.

use catena::{
    autograd::{Grad, grad},
    functions,
    prelude::*,
    shape::Shape,
    testing,
};
use functions::{Pooling, Reduce};
use std::collections::BTreeMap;

type Table = BTreeMap<String, Vec<f32>>;
type Function = fn(&Variable) -> Variable;

fn table() -> Table {
    let number = |text: &str| text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    let line = |line: &str| {
        let (name, values) = line.split_once(": ").expect("a name and values");
        (name.to_string(), values.split(' ').map(number).collect())
    };
    include_str!("extremes.txt").lines().filter(|l| !l.starts_with('#')).map(line).collect()
}

const UNARY: &[(&str, Function)] = &[
    ("absolute", F::absolute),
    ("arccos", F::arccos),
    ("arcsin", F::arcsin),
    ("arctan", F::arctan),
    ("arctanh", F::arctanh),
    ("ceil", F::ceil),
    ("clip", |x| F::clip(x, -2.0, 3.0)),
    ("clipped_relu", F::clipped_relu),
    ("cos", F::cos),
    ("cosh", F::cosh),
    ("digamma", F::digamma),
    ("elu", F::elu),
    ("erf", F::erf),
    ("erfc", F::erfc),
    ("erfcinv", F::erfcinv),
    ("erfcx", F::erfcx),
    ("erfinv", F::erfinv),
    ("exp", F::exp),
    ("expm1", F::expm1),
    ("fix", F::fix),
    ("floor", F::floor),
    ("hard_sigmoid", F::hard_sigmoid),
    ("identity", F::identity),
    ("leaky_relu", F::leaky_relu),
    ("lgamma", F::lgamma),
    ("linear_interpolate", |x| {
        let number = |value| Variable::constant(x.data().full_like(value));
        F::linear_interpolate(&number(0.25), x, &number(2.0))
    }),
    ("log", F::log),
    ("log10", F::log10),
    ("log1p", F::log1p),
    ("log2", F::log2),
    ("log_ndtr", F::log_ndtr),
    ("ndtr", F::ndtr),
    ("ndtri", F::ndtri),
    ("neg", |x| -x),
    ("polygamma 1", |x| F::polygamma(1, x)),
    ("polygamma 2", |x| F::polygamma(2, x)),
    ("polygamma 3", |x| F::polygamma(3, x)),
    ("powf -1", |x| x.powf(-1.0)),
    ("powf 0", |x| x.powf(0.0)),
    ("powf 0.5", |x| x.powf(0.5)),
    ("powf 2", |x| x.powf(2.0)),
    ("powf 3", |x| x.powf(3.0)),
    ("reciprocal", |x| 1.0 / x),
    ("relu", F::relu),
    ("relu6", F::relu6),
    ("rsqrt", F::rsqrt),
    ("selu", F::selu),
    ("sigmoid", F::sigmoid),
    ("sign", F::sign),
    ("sin", F::sin),
    ("sinh", F::sinh),
    ("softplus", F::softplus),
    ("sqrt", F::sqrt),
    ("square", F::square),
    ("tan", F::tan),
    ("tanh", F::tanh),
    ("zeta 1.5", |x| F::zeta(1.5, x)),
    ("zeta 2", |x| F::zeta(2.0, x)),
    ("zeta 3", |x| F::zeta(3.0, x)),
];

type Binary = fn(&Variable, &Variable) -> Variable;

/// Of every pair of values: the first is of shape `(1, n)`, the second `(n,)`.
const BINARY: &[(&str, Binary)] = &[
    ("absolute_error", |a, b| F::absolute_error(a, &row(b))),
    ("add", F::add),
    ("arctan2", F::arctan2),
    ("bernoulli_nll", |a, b| F::bernoulli_nll(a, &row(b), Reduce::No)),
    ("bias", F::bias),
    ("div", F::div),
    ("fixed_batch_normalization", |a, b| {
        let number = |value| Variable::constant(b.data().full_like(value));
        F::fixed_batch_normalization(a, &number(2.0), &number(1.0), b, &number(1.0))
    }),
    ("fixed_batch_normalization variance", |a, b| {
        let number = |value| Variable::constant(b.data().full_like(value));
        F::fixed_batch_normalization(a, &number(2.0), &number(1.0), &number(0.5), b)
    }),
    ("fmod", F::fmod),
    ("gaussian_kl_divergence", |a, b| F::gaussian_kl_divergence(a, &row(b), Reduce::No)),
    ("gaussian_nll", |a, b| F::gaussian_nll(a, &Variable::constant(a.data().full_like(2.0)), &row(b), Reduce::No)),
    ("huber_loss", |a, b| F::huber_loss_with(a, &row(b), 1.5, Reduce::No)),
    ("maximum", F::maximum),
    ("minimum", F::minimum),
    ("mul", F::mul),
    ("pow", F::pow),
    ("prelu", F::prelu),
    ("scale", F::scale),
    ("squared_difference", F::squared_difference),
    ("squared_error", |a, b| F::squared_error(a, &row(b))),
    ("sub", F::sub),
    ("swish", F::swish),
];

/// `(n,)` as `(1, n)`.
fn row(b: &Variable) -> Variable {
    F::expand_dims(b, 0)
}

/// Labels that go on by one.
fn labels(shape: impl Into<Shape>, x: &Variable, at: impl Fn(usize) -> i32) -> Variable {
    let shape = shape.into();
    let values: Vec<i32> = (0..shape.size()).map(at).collect();
    Variable::constant(Tensor::from_slice(&values, shape, x.device()))
}

/// The same three numbers in every row.
fn threes(x: &Variable, numbers: [f32; 3]) -> Variable {
    Variable::constant(Tensor::from_slice(&numbers, [3], x.device()).broadcast_to(x.shape()))
}

/// A function of each row.
fn each(x: &Variable, f: impl Fn(&Variable) -> Variable) -> Variable {
    let rows: Vec<Variable> = F::separate(x, 0).iter().map(f).collect();
    F::stack(&rows.iter().collect::<Vec<_>>(), 0)
}

/// Windows of two side by side, one pixel beyond the ends.
fn pairs() -> Pooling {
    Pooling::new([1, 2]).stride(1).pad([0, 1])
}

/// A class for each row.
fn classes(x: &Variable) -> Variable {
    labels([x.shape()[0]], x, |i| (i % 3) as i32)
}

/// Of the normalisation of three numbers.
fn factors(x: &Variable) -> [Variable; 2] {
    [[1.0f32, 2.0, 1.0], [0.0, 1.0, 0.0]].map(|v| Variable::constant(Tensor::from_slice(&v, [3], x.device())))
}

/// The loss of every row.
fn losses() -> F::SoftmaxCrossEntropy {
    F::SoftmaxCrossEntropy { reduce: Reduce::No, ..Default::default() }
}

const ROWS: &[(&str, Function)] = &[
    ("argmax", |x| F::argmax(x, Some(1))),
    ("argmin", |x| F::argmin(x, Some(1))),
    ("average", |x| F::average(x, Some(&[1]), None, false)),
    ("average weighted", |x| {
        let weights = Tensor::from_slice(&[1.0f32, 2.0, 1.0], [3], x.device());
        F::average(x, Some(&[1]), Some(&Variable::constant(weights)), false)
    }),
    ("average_pooling_2d", |x| F::average_pooling_2d(&F::reshape(x, [-1, 1, 1, 3]), pairs())),
    ("average_pooling_2d images", |x| F::average_pooling_2d(&F::reshape(x, [-1, 1, 3, 3]), Pooling::new(2).stride(1))),
    ("batch_l2_norm_squared", F::batch_l2_norm_squared),
    ("batch_normalization", |x| {
        let number = |value| Variable::constant(Tensor::full([x.shape()[0]], value, DType::F32, x.device()));
        F::batch_normalization(&F::transpose(x, None), &number(2.0), &number(1.0))
    }),
    ("contrastive", |x| {
        let together = labels([x.shape()[0]], x, |i| (i % 2) as i32);
        F::contrastive(x, &threes(x, [1.0; 3]), &together, 1.0, Reduce::No)
    }),
    ("cumprod", |x| F::cumprod(x, Some(1))),
    ("cumsum", |x| F::cumsum(x, Some(1))),
    ("group_normalization", |x| {
        let [gamma, beta] = factors(x);
        F::group_normalization(&F::expand_dims(x, 2), 1, &gamma, &beta, 1e-5)
    }),
    ("hinge 1", |x| F::hinge_with(x, &classes(x), F::HingeNorm::L1, Reduce::No)),
    ("hinge 2", |x| F::hinge_with(x, &classes(x), F::HingeNorm::L2, Reduce::No)),
    ("layer_normalization", |x| {
        let [gamma, beta] = factors(x);
        F::layer_normalization(x, &gamma, &beta, 1e-5)
    }),
    ("local_response_normalization", |x| F::local_response_normalization(&F::reshape(x, [-1, 3, 1, 1]))),
    ("log_softmax", F::log_softmax),
    ("logsumexp", |x| F::logsumexp_axes(x, Some(&[1]))),
    ("max", |x| F::max_axes(x, Some(&[1]), false)),
    ("max_pooling_1d", |x| F::max_pooling_1d(&F::expand_dims(x, 1), Pooling::new(2).stride(1).pad(1))),
    ("max_pooling_2d", |x| F::max_pooling_2d(&F::reshape(x, [-1, 1, 1, 3]), pairs())),
    ("max_pooling_2d images", |x| F::max_pooling_2d(&F::reshape(x, [-1, 1, 3, 3]), Pooling::new(2).stride(1))),
    ("maxout", |x| F::maxout(x, 3)),
    ("mean", |x| F::mean_axes(x, Some(&[1]), false)),
    ("mean_absolute_error", |x| each(x, |x| F::mean_absolute_error(x, &threes(x, [1.0; 3])))),
    ("mean_squared_error", |x| each(x, |x| F::mean_squared_error(x, &threes(x, [1.0; 3])))),
    ("min", |x| F::min_axes(x, Some(&[1]), false)),
    ("normalize", |x| F::normalize(x, 1e-5, &[1])),
    ("prod", |x| F::prod_axes(x, Some(&[1]), false)),
    ("sigmoid_cross_entropy", |x| {
        let t = labels(x.shape().clone(), x, |i| ((i / 3 + i % 3) % 3) as i32 - 1);
        F::sigmoid_cross_entropy_with(x, &t, true, Reduce::No)
    }),
    ("softmax", F::softmax),
    ("softmax_cross_entropy", |x| F::softmax_cross_entropy_with(x, &classes(x), &losses())),
    ("softmax_cross_entropy soft", |x| F::softmax_cross_entropy_with(x, &threes(x, [0.5, 0.25, 0.25]), &losses())),
    ("sum", |x| F::sum_axes(x, Some(&[1]), false)),
    ("triplet", |x| F::triplet(x, &threes(x, [1.0; 3]), &threes(x, [0.0, 2.0, 1.0]), 0.5, Reduce::No)),
];

/// What an adapter keeps of a value that it reads, computes with, and writes.
#[derive(Debug)]
struct Kept {
    nan: bool,
    infinity: bool,
    subnormal: bool,
}

fn probe(device: &Device) -> Kept {
    let x = Tensor::from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, f32::MAX], [5], device);
    let y = x.add(&x).to_vec::<f32>().expect("a device that computes");
    let small = x.mul(&x.full_like(1.0)).to_vec::<f32>().expect("a device that computes");
    let infinity = y[1] == f32::INFINITY && y[2] == f32::NEG_INFINITY && y[4] == f32::INFINITY;
    Kept { nan: y[0].is_nan(), infinity, subnormal: small[3] > 0.0 }
}

/// Whether a value is what NumPy has: NaN for NaN, the infinity, zero of the sign, or the number within a part of it.
fn same(actual: f32, expected: f32, tolerance: f32) -> bool {
    match expected {
        e if e.is_nan() => actual.is_nan(),
        e if e.is_infinite() => actual == e,
        0.0 => actual.abs() <= f32::EPSILON,
        e => (actual - e).abs() <= tolerance * e.abs().max(f32::MIN_POSITIVE),
    }
}

/// Compares element by element; `free` are those that the device may have otherwise.
fn compare(
    what: &str,
    actual: &[f32],
    expected: &[f32],
    tolerance: f32,
    free: impl Fn(usize, f32) -> bool,
    wrong: &mut Vec<String>,
) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        if !same(a, e, tolerance) && !free(i, a) {
            wrong.push(format!("{what}: element {i} is {a:e}, NumPy has {e:e}"));
        }
    }
}

fn values(y: &Variable) -> Vec<f32> {
    y.data().cast(DType::F32).to_vec::<f32>().expect("values")
}

/// Runs everything on a device; what differs from the table.
fn sweep(device: &Device) -> Vec<String> {
    let table = table();
    let subnormal = |v: f32| v != 0.0 && v.abs() < f32::MIN_POSITIVE;
    let cpu = device.is_cpu();
    let (tolerance, slope_tolerance) = if cpu { (4e-6, 1e-4) } else { (1e-4, 1e-3) };
    let mut wrong = vec![];
    let xs = &table["unary"];
    let x = Variable::new(Tensor::from_slice(xs, [xs.len()], device));
    for (name, f) in UNARY {
        let y = f(&x);
        let zero = |i: usize| xs.iter().position(|v| *v == 0.0 && v.is_sign_negative() == xs[i].is_sign_negative());
        let expected = &table[*name];
        let actual = values(&y);
        let free = |i: usize, a: f32| {
            // A subnormal may count as zero, or as the smallest normal number, in and out.
            let small = !cpu && subnormal(xs[i]) && {
                let (z, n) = (expected[zero(i).expect("both zeros are there")], expected[i + 2]);
                (z.min(n)..=z.max(n)).contains(&a) || same(a, z, tolerance)
            };
            let flushed = !cpu && subnormal(expected[i]) && a == 0.0;
            small || flushed || OTHERWISE.contains(&(*name, i))
        };
        compare(name, &actual, expected, tolerance, free, &mut wrong);
        if cpu {
            let signs = actual.iter().zip(expected).enumerate();
            let lost =
                signs.filter(|(_, (a, e))| **a == 0.0 && **e == 0.0 && a.is_sign_negative() != e.is_sign_negative());
            for (i, _) in lost.filter(|_| SIGNED.contains(name)) {
                wrong.push(format!("{name}: zero {i} has the other sign"));
            }
        }
        if let (Some(expected), Some(gx)) = (table.get(&format!("{name}'")), slopes(&y, &[&x]).swap_remove(0)) {
            let free = |i: usize, a: f32| {
                let small = !cpu && (subnormal(xs[i]) || subnormal(expected[i]) && a == 0.0);
                small || OTHERWISE_SLOPES.contains(&(*name, i))
            };
            compare(&format!("{name}'"), &values(&gx), expected, slope_tolerance, free, &mut wrong);
        }
    }
    let bs = &table["binary"];
    let n = bs.len();
    let [first, second]: [Vec<f32>; 2] =
        [(0..n * n).map(|i| bs[i / n]).collect(), (0..n * n).map(|i| bs[i % n]).collect()];
    let a = Variable::new(Tensor::from_slice(&first, [1, n * n], device));
    let b = Variable::new(Tensor::from_slice(&second, [n * n], device));
    for (name, f) in BINARY {
        // Of a quotient beyond all digits, single precision has no remainder.
        let free = |i: usize, a: f32| !cpu && *name == "fmod" && first[i].abs() == 1e30 && !a.is_nan();
        let y = f(&a, &b);
        let other = |what: &str, i: usize, actual: f32| {
            let rule = OTHERWISE_PAIRS.iter().find(|(n, of, _)| *n == what && of(first[i], second[i]));
            rule.is_some_and(|(_, _, value)| value.is_none_or(|v| same(actual, v, 0.0)))
        };
        let expected = &table[*name];
        compare(name, &values(&y), expected, tolerance, |i, a| free(i, a) || other(name, i, a), &mut wrong);
        for (side, gx) in ["a", "b"].iter().zip(slopes(&y, &[&a, &b])) {
            let what = format!("{name}'{side}");
            if let (Some(expected), Some(gx)) = (table.get(&what), gx) {
                let free = |i: usize, a: f32| !cpu && subnormal(expected[i]) && a == 0.0 || other(&what, i, a);
                compare(&what, &values(&gx), expected, slope_tolerance, free, &mut wrong);
            }
        }
    }
    let rows = &table["rows"];
    let x = Variable::new(Tensor::from_slice(rows, [rows.len() / 3, 3], device));
    for (name, f) in ROWS {
        let expected = &table[*name];
        let free = |what: &str, expected: &[f32], i: usize, a: f32| {
            let exact = OTHERWISE_ROWS.iter().find(|(n, at, _)| *n == what && at.contains(&i));
            // What cancels on the CPU leaves the last digits of a GPU's exponentials.
            let nothing = |e: f32| !cpu && (e == 0.0 && a.abs() < 1e-6 || subnormal(e) && a == 0.0);
            nothing(expected[i]) || exact.is_some_and(|(_, _, value)| same(a, *value, tolerance) || nothing(*value))
        };
        let y = f(&x);
        compare(name, &values(&y), expected, tolerance, |i, a| free(name, expected, i, a), &mut wrong);
        let what = format!("{name}'");
        if let (Some(expected), Some(gx)) = (table.get(&what), slopes(&y, &[&x]).swap_remove(0)) {
            compare(&what, &values(&gx), expected, slope_tolerance, |i, a| free(&what, expected, i, a), &mut wrong);
        }
    }
    wrong
}

/// The gradients of the outputs, weighted with 1, 3, 2 over and over where they are in rows, with 1 elsewhere.
fn slopes(y: &Variable, xs: &[&Variable]) -> Vec<Option<Variable>> {
    if !y.requires_grad() {
        return vec![None; xs.len()];
    }
    let weight = |i: usize| if xs[0].ndim() == 2 && xs.len() == 1 { [1.0, 3.0, 2.0][i % 3] } else { 1.0 };
    let weights: Vec<f32> = (0..y.size()).map(weight).collect();
    let gy = Variable::constant(Tensor::from_slice(&weights, y.shape(), y.device()));
    grad(&[y], xs, Grad { grad_outputs: vec![Some(gy)], ..Grad::default() })
}

/// Functions whose zero has a sign that NumPy defines.
const SIGNED: &[&str] = &[
    "arcsin", "arctan", "arctanh", "ceil", "expm1", "fix", "floor", "log1p", "neg", "sin", "sinh", "sqrt", "tan",
    "tanh",
];

/// Values where another convention is better: C's `lgamma` of minus infinity.
const OTHERWISE: &[(&str, usize)] = &[("lgamma", 11)];

/// Slopes where Chainer's formula cancels, as that of `erfcx` at 1e30, which is zero, or knows no sign of zero, as that of
/// the root by a power.
const OTHERWISE_SLOPES: &[(&str, usize)] = &[("erfcx", 8), ("powf 0.5", 1), ("powf 0.5", 11)];

/// The logarithm of a third.
const THIRD: f32 = -1.098_612_3;
const A_THIRD: f32 = 1.0 / 3.0;

/// Pairs that Chainer has otherwise, and what is right there, if one number is.
const OTHERWISE_PAIRS: &[(&str, Pairs, Option<f32>)] = &[
    // Its root has no value, as those of all negative numbers.
    ("fixed_batch_normalization variance", |_, var| var == f32::NEG_INFINITY, Some(f32::NAN)),
    ("fixed_batch_normalization variance'a", |_, var| var == f32::NEG_INFINITY, Some(f32::NAN)),
    ("fixed_batch_normalization variance'b", |_, var| var == f32::NEG_INFINITY, Some(f32::NAN)),
    // The root's cube is no number of single precision.
    ("fixed_batch_normalization variance'b", |_, var| var == 1e30, None),
    // As of the larger value, whose gradient goes to the second in Chainer too.
    ("minimum'b", |a, b| a.is_nan() || b.is_nan(), Some(1.0)),
];

type Pairs = fn(f32, f32) -> bool;

/// Rows that Chainer has otherwise, and what is right there.
const OTHERWISE_ROWS: &[(&str, &[usize], f32)] = &[
    // A third, or a mean, of three times the same is lost in 1e30.
    ("log_softmax", &[30, 31, 32, 33, 34, 35, 42, 43, 44], THIRD),
    ("log_softmax'", &[30, 33, 42], -1.0),
    ("log_softmax'", &[31, 34, 43], 1.0),
    ("log_softmax'", &[32, 35, 44], 0.0),
    ("layer_normalization'", &[30, 33, 42], -632.455_57),
    ("layer_normalization'", &[31, 34, 43], 948.683_35),
    ("layer_normalization'", &[32, 35, 44], -316.227_78),
    ("group_normalization'", &[30, 33, 42], -632.455_57),
    ("group_normalization'", &[31, 34, 43], 948.683_35),
    ("group_normalization'", &[32, 35, 44], -316.227_78),
    ("softmax_cross_entropy soft", &[10, 11, 14], -THIRD),
    ("softmax_cross_entropy soft'", &[30], -0.5),
    ("softmax_cross_entropy soft'", &[33, 42], -A_THIRD),
    ("softmax_cross_entropy soft'", &[31, 32], 0.25),
    ("softmax_cross_entropy soft'", &[34, 35, 43, 44], A_THIRD / 2.0),
    // Means and squares that overflow in single precision; where statistics are computed in double, they do not.
    ("batch_normalization", &[11, 29, 47], 1.0),
    ("batch_normalization", &[12], -1.828_427_1),
    ("batch_normalization", &[30, 48], 2.414_213_7),
    ("batch_normalization", &[16], 3.449_489_8),
    ("batch_normalization", &[34], -1.449_489_8),
    ("batch_normalization'", &[33, 34, 35], 0.0),
    ("layer_normalization", &[33, 35], 0.0),
    ("layer_normalization", &[34], 1.0),
    ("group_normalization", &[33, 35], 0.0),
    ("group_normalization", &[34], 1.0),
    ("normalize'", &[30, 31, 32, 33, 34, 35, 36, 37, 38, 42, 43, 44, 48, 49, 50], 0.0),
    // Twice the largest numbers is infinite, times nothing.
    ("local_response_normalization'", &[33, 34, 35], f32::NAN),
    // The squared distance from an infinite place grows without end.
    ("contrastive'", &[3, 9, 52], f32::INFINITY),
    ("contrastive'", &[10, 15, 16, 17], f32::NEG_INFINITY),
    // The slope of a rectifier at NaN is none, as in Chainer's `relu`.
    ("hinge 1'", &[18, 23, 24, 27, 28, 29], 0.0),
    ("hinge 2'", &[18, 23, 24, 27, 28, 29], 0.0),
    // A loss of NaN has no slope.
    ("triplet'", &[3, 6, 9, 10, 12, 13, 15, 16, 17, 18, 23, 24, 25, 27, 28, 29, 52], f32::NAN),
    // What is ignored is nothing, whatever it is; and so is the loss where an infinite score is right.
    ("sigmoid_cross_entropy", &[9, 10, 13, 16, 17, 18, 23, 25, 27, 52], 0.0),
    ("sigmoid_cross_entropy'", &[18, 23, 27], 0.0),
    // Padding is smaller than minus infinity, as in Chainer's kernels for GPUs.
    ("max_pooling_1d'", &[6], 2.0),
    ("max_pooling_1d'", &[15], 3.0),
    ("max_pooling_2d'", &[6], 2.0),
    ("max_pooling_2d'", &[15], 3.0),
];

/// Functions of these groups without values of their own here.
const NOT_TABLED: &[(&str, &str)] = &[
    ("batch_matmul", "sums of products"),
    ("batch_renormalization", "`batch_normalization` with factors and shifts that are clipped"),
    ("black_out", "`logsumexp` of sums of products"),
    ("cholesky", "a matrix"),
    ("connectionist_temporal_classification", "`logsumexp` over paths"),
    ("crelu", "`relu` of `x` and of `-x`"),
    ("crf1d", "`logsumexp` over paths"),
    ("cross_covariance", "sums of products"),
    ("decorrelated_batch_normalization", "a matrix"),
    ("decov", "sums of products"),
    ("det", "a matrix"),
    ("discriminative_margin_based_clustering_loss", "norms of differences"),
    ("einsum", "sums of products"),
    ("fft", "sums of products"),
    ("inv", "a matrix"),
    ("matmul", "sums of products"),
    ("negative_sampling", "`softplus` of sums of products"),
    ("roi_average_align_2d", "weighted sums"),
    ("roi_average_pooling_2d", "means"),
    ("roi_max_align_2d", "the largest of weighted sums"),
    ("roi_max_pooling_2d", "the largest elements"),
    ("rrelu", "`prelu` with slopes that are drawn"),
    ("sparse_matmul", "sums of products"),
    ("spatial_pyramid_pooling_2d", "`max_pooling_2d`"),
    ("sum_to", "`sum`"),
    ("tensordot", "sums of products"),
    ("tril", "moves elements"),
    ("unpooling_2d", "moves elements"),
    ("upsampling_2d", "moves elements"),
];

#[test]
fn every_function_of_numbers_is_tabled() {
    let tabled: Vec<&str> =
        [UNARY, ROWS].concat().iter().map(|(n, _)| *n).chain(BINARY.iter().map(|(n, _)| *n)).collect();
    const GROUPS: &[&str] = &["activation", "loss", "math", "normalization", "pooling"];
    let groups = functions::groups().into_iter().filter(|(group, _)| GROUPS.contains(group));
    let missing: Vec<&str> = groups
        .flat_map(|(_, entries)| entries.iter().map(|e| e.name))
        .filter(|name| !tabled.iter().any(|t| t.split(' ').next() == Some(name.trim_end_matches('_'))))
        .filter(|name| !NOT_TABLED.iter().any(|(n, _)| n == name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let twice = NOT_TABLED.iter().filter(|(n, _)| tabled.contains(n)).collect::<Vec<_>>();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_cpu_is_as_numpy() {
    let device = Device::cpu();
    let kept = probe(&device);
    assert!(kept.nan && kept.infinity && kept.subnormal, "{kept:?}");
    let wrong = sweep(&device);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_gpu_is_as_numpy_where_it_keeps_nan_and_infinity() {
    for device in testing::devices().into_iter().filter(|d| !d.is_cpu()) {
        let kept = probe(&device);
        println!("{device}: {kept:?}");
        if kept.nan && kept.infinity {
            let wrong = sweep(&device);
            assert!(wrong.is_empty(), "{device}:\n{}", wrong.join("\n"));
        }
    }
}

#[test]
fn the_gradient_of_a_window_goes_to_a_pixel_even_of_minus_infinity() {
    for device in testing::devices().into_iter().filter(|d| probe(d).infinity) {
        let x = Tensor::from_slice(&[f32::NEG_INFINITY, f32::NEG_INFINITY, 2.0], [1, 1, 3], &device);
        let x = Variable::new(x);
        let y = F::max_pooling_1d(&x, Pooling::new(2).stride(1).pad(1));
        let gx = slopes(&y, &[&x]).swap_remove(0).expect("a gradient");
        assert_eq!(values(&gx), [2.0, 0.0, 2.0], "{device}");
    }
}
