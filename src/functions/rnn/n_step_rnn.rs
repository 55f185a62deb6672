use super::n_step::{Cell, Layers, case, weights_of};
use crate::autograd::{Case, Variable};

/// What a plain recurrent layer applies at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RnnActivation {
    /// Hyperbolic tangent.
    Tanh,
    /// Rectifier.
    Relu,
}

/// Plain recurrent layers over whole sequences, `h' = f(W0 x + b0 + W1 h + b1)`: the last states, the outputs at each step.
///
/// `xs[t]` is time step `t`, `(B_t, in)`, of a batch sorted by length, so that `B_t` never grows. `hx` is
/// `(n_layers, B_0, units)`; `ws[l]` and `bs[l]` are the two weights and biases of a layer. Between layers, outputs are
/// dropped with probability `dropout_ratio`. Outputs are `(B_t, units)`.
///
/// # Panics
/// When there is no step or an empty one, batch sizes grow, or shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let (w, b) = (vec![ones(&[3, 2]), ones(&[3, 3])], vec![ones(&[3]), ones(&[3])]);
/// let xs = [ones(&[2, 2]), ones(&[1, 2])];
/// let (hy, ys) = F::n_step_rnn(1, 0.0, &ones(&[1, 2, 3]), &[w], &[b], &xs, F::RnnActivation::Tanh);
/// assert_eq!((&hy.shape()[..], &ys[1].shape()[..]), (&[1, 2, 3][..], &[1, 3][..]));
/// ```
#[track_caller]
pub fn n_step_rnn(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
    activation: RnnActivation,
) -> (Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_rnn");
    run(&layers("n_step_rnn", n_layers, false, dropout_ratio, activation), hx, ws, bs, xs)
}

/// As [`n_step_rnn`], with each layer run over the steps in both directions and its outputs side by side.
///
/// `hx` is `(2 n_layers, B_0, units)`; `ws[2 l]` is layer `l` forwards, `ws[2 l + 1]` backwards. Outputs are
/// `(B_t, 2 units)`, which is also what the inputs of the second and later layers have.
///
/// # Panics
/// As [`n_step_rnn`].
#[track_caller]
pub fn n_step_birnn(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
    activation: RnnActivation,
) -> (Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_birnn");
    run(&layers("n_step_birnn", n_layers, true, dropout_ratio, activation), hx, ws, bs, xs)
}

fn layers(name: &'static str, layers: usize, both_ways: bool, dropout: f64, activation: RnnActivation) -> Layers {
    Layers { name, cell: activation.into(), layers, both_ways, dropout }
}

impl From<RnnActivation> for Cell {
    fn from(activation: RnnActivation) -> Cell {
        match activation {
            RnnActivation::Tanh => Cell::Tanh,
            RnnActivation::Relu => Cell::Relu,
        }
    }
}

#[track_caller]
fn run(
    layers: &Layers,
    hx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Vec<Variable>) {
    let (hy, _, ys) = layers.over_steps(hx, None, ws, bs, xs);
    (hy, ys)
}

pub(super) fn cases() -> Vec<Case> {
    let call = |layers: &Layers, x: &[Variable]| {
        let (ws, bs) = weights_of(&x[4..], layers.stacks(), 2);
        let (hy, ys) = run(layers, &x[3], &ws, &bs, &x[..3]);
        std::iter::once(hy).chain(ys).collect()
    };
    let (tanh, relu) = (RnnActivation::Tanh, RnnActivation::Relu);
    vec![
        case("n_step_rnn", layers("n_step_rnn", 1, false, 0.0, tanh), call),
        case("n_step_rnn/rectifier", layers("n_step_rnn", 1, false, 0.0, relu), call).order(1),
        case("n_step_rnn/both_ways_two_layers", layers("n_step_birnn", 2, true, 0.0, tanh), call),
    ]
}
