use super::n_step::{Cell, Layers, case, weights_of};
use crate::autograd::{Case, Variable};

/// Layers of long short-term memory over whole sequences: the last states, the last cells, the outputs at each step.
///
/// `xs[t]` is time step `t`, `(B_t, in)`, of a batch sorted by length, so that `B_t` never grows. `hx` and `cx` are
/// `(n_layers, B_0, units)`. `ws[l]` and `bs[l]` are a layer's eight weights and biases: 0 to 3 act on its input and 4 to 7
/// on its state, each for the gates `i, f, a, o`, of which [`lstm`](super::lstm()) has the formulas. Between layers,
/// outputs are dropped with probability `dropout_ratio`. Outputs are `(B_t, units)`. The input's products of all steps
/// are one product, and nothing is waited for.
///
/// # Panics
/// When there is no step or an empty one, batch sizes grow, or shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let w: Vec<Variable> = (0..8).map(|k| ones(&[3, if k < 4 { 2 } else { 3 }])).collect();
/// let b: Vec<Variable> = (0..8).map(|_| ones(&[3])).collect();
/// let state = ones(&[1, 2, 3]);
/// let (hy, cy, ys) = F::n_step_lstm(1, 0.0, &state, &state, &[w], &[b], &[ones(&[2, 2]), ones(&[1, 2])]);
/// assert_eq!((&hy.shape()[..], &ys[1].shape()[..]), (&[1, 2, 3][..], &[1, 3][..]));
/// ```
#[track_caller]
pub fn n_step_lstm(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    cx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_lstm");
    run(&layers("n_step_lstm", n_layers, false, dropout_ratio), hx, cx, ws, bs, xs)
}

/// As [`n_step_lstm`], with each layer run over the steps in both directions and its outputs side by side.
///
/// `hx` and `cx` are `(2 n_layers, B_0, units)`; `ws[2 l]` is layer `l` forwards, `ws[2 l + 1]` backwards. Outputs are
/// `(B_t, 2 units)`, which is also what the inputs of the second and later layers have.
///
/// # Panics
/// As [`n_step_lstm`].
#[track_caller]
pub fn n_step_bilstm(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    cx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_bilstm");
    run(&layers("n_step_bilstm", n_layers, true, dropout_ratio), hx, cx, ws, bs, xs)
}

fn layers(name: &'static str, layers: usize, both_ways: bool, dropout: f64) -> Layers {
    Layers { name, cell: Cell::Lstm, layers, both_ways, dropout }
}

#[track_caller]
fn run(
    layers: &Layers,
    hx: &Variable,
    cx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Variable, Vec<Variable>) {
    let (hy, cy, ys) = layers.over_steps(hx, Some(cx), ws, bs, xs);
    (hy, cy.expect("an LSTM has a cell"), ys)
}

pub(super) fn cases() -> Vec<Case> {
    let call = |layers: &Layers, x: &[Variable]| {
        let (ws, bs) = weights_of(&x[5..], layers.stacks(), 8);
        let (hy, cy, ys) = run(layers, &x[3], &x[4], &ws, &bs, &x[..3]);
        [hy, cy].into_iter().chain(ys).collect()
    };
    vec![
        case("n_step_lstm", layers("n_step_lstm", 1, false, 0.0), call),
        case("n_step_lstm/two_layers", layers("n_step_lstm", 2, false, 0.0), call).order(1),
        case("n_step_lstm/both_ways", layers("n_step_bilstm", 1, true, 0.0), call),
        case("n_step_lstm/both_ways_two_layers", layers("n_step_bilstm", 2, true, 0.0), call).order(1),
    ]
}
