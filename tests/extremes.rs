//! Zeros, subnormals, large numbers, infinities and NaN through elementwise functions and reductions, against what Chainer
//! 7.8.1 on NumPy makes of them (`tests/extremes.txt`; of `logsumexp`, what NumPy's own `logaddexp.reduce` does): on the
//! CPU, and on a GPU as far as a probe shows that the adapter keeps NaN and infinities, which WGSL does not promise.

use catena::{
    autograd::{Grad, grad},
    functions,
    prelude::*,
    testing,
};
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
const BINARY: &[(&str, Binary)] = &[
    ("add", F::add),
    ("arctan2", F::arctan2),
    ("bias", |a, b| F::bias(&repeated(a, b), b)),
    ("div", F::div),
    ("fmod", F::fmod),
    ("maximum", F::maximum),
    ("minimum", F::minimum),
    ("mul", F::mul),
    ("pow", F::pow),
    ("prelu", |a, b| F::prelu(&repeated(a, b), b)),
    ("scale", |a, b| F::scale(&repeated(a, b), b)),
    ("squared_difference", F::squared_difference),
    ("sub", F::sub),
    ("swish", |a, b| F::swish(&repeated(a, b), b)),
];

/// A column as often as `b` is long.
fn repeated(a: &Variable, b: &Variable) -> Variable {
    F::broadcast_to(a, [a.size(), b.size()])
}

const ROWS: &[(&str, Function)] = &[
    ("argmax", |x| F::argmax(x, Some(1))),
    ("argmin", |x| F::argmin(x, Some(1))),
    ("average", |x| F::average(x, Some(&[1]), None, false)),
    ("average weighted", |x| {
        let weights = Tensor::from_slice(&[1.0f32, 2.0, 1.0], [3], x.device());
        F::average(x, Some(&[1]), Some(&Variable::constant(weights)), false)
    }),
    ("batch_l2_norm_squared", F::batch_l2_norm_squared),
    ("cumprod", |x| F::cumprod(x, Some(1))),
    ("cumsum", |x| F::cumsum(x, Some(1))),
    ("log_softmax", F::log_softmax),
    ("logsumexp", |x| F::logsumexp_axes(x, Some(&[1]))),
    ("max", |x| F::max_axes(x, Some(&[1]), false)),
    ("maxout", |x| F::maxout(x, 3)),
    ("mean", |x| F::mean_axes(x, Some(&[1]), false)),
    ("min", |x| F::min_axes(x, Some(&[1]), false)),
    ("normalize", |x| F::normalize(x, 1e-5, &[1])),
    ("prod", |x| F::prod_axes(x, Some(&[1]), false)),
    ("softmax", F::softmax),
    ("sum", |x| F::sum_axes(x, Some(&[1]), false)),
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
    let (cpu, tolerance) = (device.is_cpu(), if device.is_cpu() { 4e-6 } else { 1e-4 });
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
            if let Some(expected) = table.get(&format!("{name}'")) {
                let gy = Variable::constant(y.data().full_like(1.0));
                let options = Grad { grad_outputs: vec![Some(gy)], ..Grad::default() };
                if let Some(gx) = &grad(&[&y], &[&x], options)[0] {
                    let free = |i: usize, _: f32| OTHERWISE_SLOPES.contains(&(*name, i));
                    compare(&format!("{name}'"), &values(gx), expected, 1e-4, free, &mut wrong);
                }
            }
        }
    }
    let bs = &table["binary"];
    let n = bs.len();
    let a = Variable::new(Tensor::from_slice(bs, [n, 1], device));
    let b = Variable::new(Tensor::from_slice(bs, [n], device));
    for (name, f) in BINARY {
        // Of a quotient beyond all digits, single precision has no remainder.
        let free = |i: usize, a: f32| !cpu && *name == "fmod" && bs[i / n].abs() == 1e30 && !a.is_nan();
        compare(name, &values(&f(&a, &b)), &table[*name], tolerance, free, &mut wrong);
    }
    let rows = &table["rows"];
    let x = Variable::new(Tensor::from_slice(rows, [rows.len() / 3, 3], device));
    for (name, f) in ROWS {
        let expected = &table[*name];
        let free = |i: usize, a: f32| {
            let exact = OTHERWISE_ROWS.iter().find(|(n, at, _)| n == name && *at == i);
            !cpu && subnormal(expected[i]) && a == 0.0 || exact.is_some_and(|(_, _, value)| same(a, *value, tolerance))
        };
        compare(name, &values(&f(&x)), expected, tolerance, free, &mut wrong);
    }
    wrong
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

const THIRD: f32 = -1.098_612_3;

/// Rows where Chainer's formula loses a third in 1e30.
const OTHERWISE_ROWS: &[(&str, usize, f32)] = &[
    ("log_softmax", 30, THIRD),
    ("log_softmax", 31, THIRD),
    ("log_softmax", 32, THIRD),
    ("log_softmax", 33, THIRD),
    ("log_softmax", 34, THIRD),
    ("log_softmax", 35, THIRD),
    ("log_softmax", 42, THIRD),
    ("log_softmax", 43, THIRD),
    ("log_softmax", 44, THIRD),
];

/// Functions of these groups without values of their own here.
const NOT_TABLED: &[(&str, &str)] = &[
    ("batch_matmul", "sums of products"),
    ("cholesky", "a matrix"),
    ("crelu", "`relu` of `x` and of `-x`"),
    ("det", "a matrix"),
    ("einsum", "sums of products"),
    ("fft", "sums of products"),
    ("inv", "a matrix"),
    ("matmul", "sums of products"),
    ("rrelu", "`prelu` with slopes that are drawn"),
    ("sparse_matmul", "sums of products"),
    ("sum_to", "`sum`"),
    ("tensordot", "sums of products"),
    ("tril", "moves elements"),
];

#[test]
fn every_elementwise_function_and_reduction_is_tabled() {
    let tabled: Vec<&str> =
        [UNARY, ROWS].concat().iter().map(|(n, _)| *n).chain(BINARY.iter().map(|(n, _)| *n)).collect();
    let groups = functions::groups().into_iter().filter(|(group, _)| ["activation", "math"].contains(group));
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
