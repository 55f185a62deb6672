use super::{
    Reduce,
    labels::{check_counted, noted, one_hot},
    log_space::{NEVER, logsumexp},
};
use crate::{
    autograd::{Case, Variable},
    functions::{
        activation::log_softmax_axis,
        array::{concat, get_item, stack, where_},
        math::{matmul_transposed, mean},
    },
    kernel::create::known_range,
    shape::{DType, Slice, ensure},
    tensor::{HostArray, Tensor, expect},
};
use ndarray::Array2;

const NAME: &str = "connectionist_temporal_classification";

/// Lengths of the sequences of [`connectionist_temporal_classification`]; all full for `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lengths<'a> {
    /// Times of each input.
    pub inputs: Option<&'a [usize]>,
    /// Labels of each target.
    pub labels: Option<&'a [usize]>,
}

/// The connectionist temporal classification loss: the negative logarithm of the probability that the network's labels,
/// without repeats and blanks, are the target.
///
/// `xs[t]` are raw scores `(n, classes)` at time t, `t` labels `(n, length)` of `int32`; `blank` is the class that
/// stands for none. The mean over the batch, or the loss of each.
///
/// Launches: 29 forward, 24 backward, for three steps.
///
/// # Panics
/// When shapes, dtypes or lengths do not fit, or a label that came from the host is no class; when the sum is asked for,
/// which Chainer does not have. What follows a label's length may be anything. A label that was computed on a device is an
/// error of the next blocking call; so is, on a GPU, one from the host where lengths are given.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let x = Variable::new(Tensor::zeros([1, 2], DType::F32, &device));
/// let t = Variable::constant(Tensor::from_slice(&[1], [1, 1], &device));
/// // Of four paths of two times, all but blank-blank give the label.
/// let ctc = F::connectionist_temporal_classification;
/// let loss = ctc(&[&x, &x], &t, 0, F::Lengths::default(), F::Reduce::Mean);
/// assert!((loss.item().unwrap() + 0.75f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn connectionist_temporal_classification(
    xs: &[&Variable],
    t: &Variable,
    blank: i32,
    lengths: Lengths<'_>,
    reduce: Reduce,
) -> Variable {
    let _named = crate::shape::named("connectionist_temporal_classification");
    let check = || {
        ensure!(!xs.is_empty(), "at least one time", "none");
        ensure!(t.dtype(), ==, DType::I32);
        ensure!(t.ndim(), ==, 2);
        for x in xs {
            ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
            ensure!(x.ndim(), ==, 2);
            ensure!(x.shape() == xs[0].shape(), "scores of one shape at every time", "{}", x.shape());
            ensure!(x.shape()[0], ==, t.shape()[0]);
        }
        ensure!((0..xs[0].shape()[1] as i64).contains(&i64::from(blank)), "a class for the blank", "{blank}");
        for (given, most) in [(lengths.inputs, xs.len()), (lengths.labels, t.shape()[1])] {
            let Some(given) = given else { continue };
            ensure!(given.len(), ==, t.shape()[0]);
            ensure!(given.iter().all(|&n| n <= most), format!("lengths of at most {most}"), "{given:?}");
        }
        ensure!(lengths.inputs.is_none_or(|l| !l.contains(&0)), "inputs of at least one time", "0");
        ensure!(reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        Ok(())
    };
    expect(NAME, check(), &[t.data()]);
    let columns = t.shape()[1];
    let counts = |at: usize| lengths.labels.is_none_or(|l| at % columns < l[at / columns]);
    // Labels are padded with what is no class: to look for the others on a GPU would be to wait for it in every step.
    let noted_there = match known_range(t.data()) {
        Some((low, high)) => {
            let outside = low < 0 || high >= xs[0].shape()[1] as i64;
            outside && lengths.labels.is_some() && !t.device().is_cpu()
        }
        None => true,
    };
    if !noted_there {
        check_counted(NAME, t.data(), xs[0].shape()[1], None, counts);
    }
    let (n, classes, device, dtype) = (xs[0].shape()[0], xs[0].shape()[1], xs[0].device(), xs[0].dtype());
    let labels = columns;
    let states = 2 * labels + 1;
    let host = |f: &dyn Fn(usize, usize) -> f64| {
        let values = Array2::from_shape_fn((n, states), |(i, s)| f(i, s) as f32);
        let array = Tensor::from_host(HostArray::from(values.into_dyn()), device);
        Variable::constant(array.expect("every device holds f32").cast(dtype))
    };
    // A blank, then each label followed by a blank.
    let blanks = Tensor::full([n, labels], f64::from(blank), DType::I32, device);
    let after = Tensor::stack(&[t.data(), &blanks], 2).reshape([n as isize, 2 * labels as isize]);
    let path = Tensor::concat(&[&Tensor::full([n, 1], f64::from(blank), DType::I32, device), &after], 1);
    // A blank may be passed over between labels that differ.
    let differ = path
        .slice(&[Slice::ALL, (2..).into()])
        .not_equal(&path.slice(&[Slice::ALL, (0..states.saturating_sub(2)).into()]));
    let skip = Variable::constant(differ.cast(dtype).add_scalar(-1.0).mul_scalar(-NEVER));
    // log_p[n, s, t] = log softmax(x_t)[n, path[n, s]]
    let scores = log_softmax_axis(&stack(xs, 1), 2);
    let rows = one_hot(&path, classes, dtype).transpose(Some(&[0, 2, 1]));
    let log_p = matmul_transposed(&Variable::constant(rows), &scores, false, true);
    let at = |time: usize| get_item(&log_p, &[Slice::ALL, Slice::ALL, Slice::Index(time as isize)]);
    let never = |width: usize| Variable::constant(Tensor::full([n, width], NEVER, dtype, device));
    let first = |x: &Variable, width: usize| get_item(x, &[Slice::ALL, (0..width).into()]);
    let mut alpha = at(0) + host(&|_, s| if s < 2 { 0.0 } else { NEVER });
    for time in 1..xs.len() {
        let step = concat(&[&never(1), &first(&alpha, states - 1)], 1);
        let mut ways = vec![alpha.clone(), step];
        if states > 2 {
            ways.push(concat(&[&never(2), &(first(&alpha, states - 2) + &skip)], 1));
        }
        let next = logsumexp(&stack(&ways.iter().collect::<Vec<_>>(), 0), 0) + at(time);
        alpha = match lengths.inputs {
            Some(given) if given.iter().any(|&l| l <= time) => {
                let goes_on = host(&|i, _| f64::from(u8::from(time < given[i])));
                where_(&Variable::constant(goes_on.data().cast(DType::Bool)), &next, &alpha)
            }
            _ => next,
        };
    }
    let last = |i: usize| 2 * lengths.labels.map_or(labels, |l| l[i]);
    let ends = host(&|i, s| if s == last(i) || s + 1 == last(i) { 0.0 } else { NEVER });
    let loss = -logsumexp(&(alpha + ends), 1);
    let counted = || match lengths.labels {
        None => t.data().clone(),
        Some(_) => {
            let inside: Vec<bool> = (0..n * labels).map(counts).collect();
            Tensor::from_slice(&inside, [n, labels], device).where_(t.data(), &t.data().full_like(0.0))
        }
    };
    let loss = match noted_there.then(|| noted(NAME, &counted(), classes, dtype)).flatten() {
        Some(zeros) => loss + Variable::constant(zeros.sum(Some(&[1]), false)),
        None => loss,
    };
    if reduce == Reduce::No { loss } else { mean(&loss) }
}

pub(super) fn cases() -> Vec<Case> {
    let loss = |x: &[Variable], inputs: Option<&[usize]>, labels: Option<&[usize]>, reduce: Reduce| {
        let xs: Vec<&Variable> = x[1..].iter().collect();
        connectionist_temporal_classification(&xs, &x[0], 0, Lengths { inputs, labels }, reduce)
    };
    let of = |case: Case, labels: usize, classes: usize| {
        let case = case.integers([2, labels], 1, classes as i32);
        (0..3).fold(case, |case, _| case.input([2, classes])).tolerance(1e-4)
    };
    let name = |what: &str| format!("{NAME}/{what}");
    vec![
        of(Case::new(NAME, move |x| loss(x, None, None, Reduce::Mean)), 1, 3),
        of(Case::new(name("lengths"), move |x| loss(x, Some(&[3, 2]), Some(&[2, 1]), Reduce::No)), 2, 3).order(1),
        of(Case::new(name("repeats"), move |x| loss(x, None, None, Reduce::No)), 2, 2).order(1),
    ]
}
