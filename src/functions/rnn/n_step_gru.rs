use super::{
    gates::Gates,
    gru::units,
    n_step::{Cell, Layers, case, weights_of},
};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{
        activation::{sigmoid, sigmoid_grad, tanh, tanh_grad},
        array::split_axis,
    },
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::Tensor,
};

/// Layers of gated recurrent units over whole sequences: the last states, the outputs at each step.
///
/// `r = s(W0 x + b0 + W3 h + b3)`, `z = s(W1 x + b1 + W4 h + b4)`, `g = tanh(W2 x + b2 + r (W5 h + b5))` and
/// `h' = (1 - z) g + z h`, where `s` is the logistic function: the reset gate acts on the state's product, unlike in the
/// link [`GRU`](crate::links::GRU). `xs[t]` is time step `t`, `(B_t, in)`, of a batch sorted by length, so that `B_t` never
/// grows. `hx` is `(n_layers, B_0, units)`; `ws[l]` and `bs[l]` are the six weights and biases of a layer. Between layers,
/// outputs are dropped with probability `dropout_ratio`. Outputs are `(B_t, units)`.
///
/// # Panics
/// When there is no step or an empty one, batch sizes grow, or shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let w: Vec<Variable> = (0..6).map(|k| ones(&[3, if k < 3 { 2 } else { 3 }])).collect();
/// let b: Vec<Variable> = (0..6).map(|_| ones(&[3])).collect();
/// let (hy, ys) = F::n_step_gru(1, 0.0, &ones(&[1, 2, 3]), &[w], &[b], &[ones(&[2, 2]), ones(&[1, 2])]);
/// assert_eq!((&hy.shape()[..], &ys[1].shape()[..]), (&[1, 2, 3][..], &[1, 3][..]));
/// ```
#[track_caller]
pub fn n_step_gru(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_gru");
    run(&layers("n_step_gru", n_layers, false, dropout_ratio), hx, ws, bs, xs)
}

/// As [`n_step_gru`], with each layer run over the steps in both directions and its outputs side by side.
///
/// `hx` is `(2 n_layers, B_0, units)`; `ws[2 l]` is layer `l` forwards, `ws[2 l + 1]` backwards. Outputs are
/// `(B_t, 2 units)`, which is also what the inputs of the second and later layers have.
///
/// # Panics
/// As [`n_step_gru`].
#[track_caller]
pub fn n_step_bigru(
    n_layers: usize,
    dropout_ratio: f64,
    hx: &Variable,
    ws: &[Vec<Variable>],
    bs: &[Vec<Variable>],
    xs: &[Variable],
) -> (Variable, Vec<Variable>) {
    let _named = crate::shape::named("n_step_bigru");
    run(&layers("n_step_bigru", n_layers, true, dropout_ratio), hx, ws, bs, xs)
}

fn layers(name: &'static str, layers: usize, both_ways: bool, dropout: f64) -> Layers {
    Layers { name, cell: Cell::Gru, layers, both_ways, dropout }
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

/// The next state from what the input and what the state give, `(B, 3 units)` each, and the state.
#[track_caller]
pub(super) fn cell(x: &Variable, state: &Variable, h: &Variable) -> Variable {
    apply(Gru, &[x, state, h])
}

#[derive(Debug)]
struct Gru;

const GATES: Gates = Gates::Blocks;

impl Function for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        units(&xs[0], &xs[2])?;
        ensure!(xs[1].shape, ==, xs[0].shape);
        Ok(vec![xs[2].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (x, s) = (|k| GATES.of_tensor(&xs[0], 3, k), |k| GATES.of_tensor(&xs[1], 3, k));
        let (r, z) = (x(0).add(&s(0)).sigmoid(), x(1).add(&s(1)).sigmoid());
        let g = x(2).add(&r.mul(&s(2))).tanh();
        g.add(&z.mul(&xs[2].sub(&g))).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let gy = gys[0].as_ref().expect("a function of one output is run when it has a gradient");
        let units = saved.input(2).shape()[1];
        let [of_input, others] = gradients(saved, gy);
        let [of_state, of_last] = split_axis(&others, [3 * units], 1).try_into().expect("two parts");
        vec![Some(of_input), Some(of_state), Some(of_last)]
    }
}

/// Those of what the input gives; those of what the state gives, and of the state itself, side by side.
fn gradients(saved: &Saved, gy: &Variable) -> [Variable; 2] {
    let h = saved.input(2);
    let parts = || {
        let [xr, xz, xg]: [Variable; 3] = GATES.split(saved.input(0));
        let [sr, sz, sg]: [Variable; 3] = GATES.split(saved.input(1));
        let (r, z) = (sigmoid(&(xr + sr)), sigmoid(&(xz + sz)));
        let g = tanh(&(xg + &r * &sg));
        let dg = tanh_grad(&g, &(gy * (1.0 - &z)));
        let dz = sigmoid_grad(&z, &(gy * (h - &g)));
        let dr = sigmoid_grad(&r, &(&dg * &sg));
        let of_state = vec![dr.clone(), dz.clone(), &dg * &r, gy * &z];
        (vec![dr, dz, dg], of_state)
    };
    let (of_input, others) = parts();
    GATES.join(of_input, others)
}

pub(super) fn cases() -> Vec<Case> {
    let call = |layers: &Layers, x: &[Variable]| {
        let (ws, bs) = weights_of(&x[4..], layers.stacks(), 6);
        let (hy, ys) = run(layers, &x[3], &ws, &bs, &x[..3]);
        std::iter::once(hy).chain(ys).collect()
    };
    let cases = vec![
        case("n_step_gru", layers("n_step_gru", 1, false, 0.0), call),
        case("n_step_gru/two_layers", layers("n_step_gru", 2, false, 0.0), call).order(1),
        case("n_step_gru/both_ways", layers("n_step_bigru", 1, true, 0.0), call),
        Case::new("n_step_gru/cell", |x| cell(&x[0], &x[1], &x[2])).input([2, 9]).input([2, 9]).input([2, 3]),
    ];
    let of_cells = super::gru::cases().into_iter().chain(super::mgu::cases()).chain(super::joined::cases());
    cases.into_iter().chain(of_cells).collect()
}
