//! What the functions over whole sequences share: layers and directions over packed rows.

use super::{
    gates::Gates,
    lstm, n_step_gru,
    states::{States, attach, product},
};
use crate::{
    autograd::Variable,
    functions::{
        activation::{relu, tanh},
        array::{concat, split_axis, stack, with_shape},
        connection::linear,
        noise::dropout,
    },
    shape::{InvalidType, ensure},
    tensor::{Tensor, expect},
};

/// What is done at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    Lstm,
    Gru,
    Tanh,
    Relu,
}

impl Cell {
    /// Weights, and biases, of one layer and direction: the first half act on the input, the second on the state.
    pub fn weights(self) -> usize {
        match self {
            Cell::Lstm => 8,
            Cell::Gru => 6,
            Cell::Tanh | Cell::Relu => 2,
        }
    }
}

/// Layers of a recurrent network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers {
    /// The public function's name.
    pub name: &'static str,
    pub cell: Cell,
    pub layers: usize,
    pub both_ways: bool,
    pub dropout: f64,
}

/// The last states, the last cells, the outputs.
pub(crate) type Results = (Variable, Option<Variable>, Variable);

/// A step's weights, packed for one product each.
struct Weights {
    on_input: Variable,
    bias: Variable,
    on_state: Variable,
    /// Those as every step's product wants them.
    laid: Tensor,
    state_bias: Option<Variable>,
}

impl Layers {
    fn directions(&self) -> usize {
        if self.both_ways { 2 } else { 1 }
    }

    /// Over time steps `(B_t, in)` of a batch that shrinks.
    #[track_caller]
    pub fn over_steps(
        &self,
        hx: &Variable,
        cx: Option<&Variable>,
        ws: &[Vec<Variable>],
        bs: &[Vec<Variable>],
        xs: &[Variable],
    ) -> (Variable, Option<Variable>, Vec<Variable>) {
        let sizes: Vec<usize> = xs.iter().map(|x| x.shape().first().copied().unwrap_or(0)).collect();
        let inputs: Vec<_> = xs.iter().chain([hx]).map(Variable::data).collect();
        let fits = || -> Result<(), InvalidType> {
            ensure!(!xs.is_empty(), "at least one time step", "none");
            for (t, x) in xs.iter().enumerate() {
                ensure!(x.ndim() == 2, format!("xs[{t}] of shape (batch, in)"), "{}", x.shape());
                ensure!(sizes[t] > 0, format!("at least one row in xs[{t}]"), "{}", x.shape());
                let same = x.shape()[1] == xs[0].shape()[1];
                ensure!(same, format!("xs[{t}].shape[1] == xs[0].shape[1]"), "{} and {}", x.shape(), xs[0].shape());
            }
            let falling = sizes.is_sorted_by(|a, b| a >= b);
            ensure!(
                falling,
                "batch sizes that do not grow over the time steps: the longest sequences first",
                "{sizes:?}"
            );
            Ok(())
        };
        expect(self.name, fits(), &inputs);
        let packed = concat(&xs.iter().collect::<Vec<_>>(), 0);
        let (hy, cy, y) = self.over_packed(hx, cx, ws, bs, &packed, &sizes);
        (hy, cy, cut(&y, &sizes))
    }

    /// Over packed rows, of which there are `sizes[t]` at step `t`.
    #[track_caller]
    pub fn over_packed(
        &self,
        hx: &Variable,
        cx: Option<&Variable>,
        ws: &[Vec<Variable>],
        bs: &[Vec<Variable>],
        x: &Variable,
        sizes: &[usize],
    ) -> Results {
        let inputs: Vec<_> = [Some(x), Some(hx), cx].into_iter().flatten().map(Variable::data).collect();
        expect(self.name, self.check(hx, cx, ws, bs, x, sizes), &inputs);
        let directions = self.directions();
        let states = |s: &Variable| -> Vec<Variable> {
            let shape = [s.shape()[1], s.shape()[2]];
            split_axis(s, s.shape()[0], 0).iter().map(|p| with_shape(p, shape)).collect()
        };
        let (h0, c0) = (states(hx), cx.map(states));
        let (mut hs, mut cs) = (vec![], vec![]);
        let mut rows = x.clone();
        for layer in 0..self.layers {
            if layer > 0 {
                rows = dropout(&rows, self.dropout);
            }
            let mut outputs = vec![];
            for direction in 0..directions {
                let at = layer * directions + direction;
                let weights = self.packed_weights(&ws[at], &bs[at]);
                let projected = linear(&rows, &weights.on_input, Some(&weights.bias));
                let state = (h0[at].clone(), c0.as_ref().map(|c| c[at].clone()));
                let ((h, c), ys) = self.scan(&weights, &projected, state, sizes, direction == 1);
                hs.push(h);
                cs.extend(c);
                outputs.push(concat(&ys.iter().collect::<Vec<_>>(), 0));
            }
            rows = match &outputs[..] {
                [one] => one.clone(),
                both => concat(&both.iter().collect::<Vec<_>>(), 1),
            };
        }
        let stacked = |list: &[Variable]| stack(&list.iter().collect::<Vec<_>>(), 0);
        (stacked(&hs), (!cs.is_empty()).then(|| stacked(&cs)), rows)
    }

    fn check(
        &self,
        hx: &Variable,
        cx: Option<&Variable>,
        ws: &[Vec<Variable>],
        bs: &[Vec<Variable>],
        x: &Variable,
        sizes: &[usize],
    ) -> Result<(), InvalidType> {
        let (stacks, each) = (self.layers * self.directions(), self.cell.weights());
        ensure!(self.layers > 0, "n_layers > 0", "{}", self.layers);
        ensure!(hx.ndim(), ==, 3);
        ensure!(hx.shape()[0] == stacks, format!("hx.shape[0] == {stacks} (layers x directions)"), "{}", hx.shape());
        ensure!(hx.shape()[1] == sizes[0], format!("hx.shape[1] == {} (sequences)", sizes[0]), "{}", hx.shape());
        if let Some(cx) = cx {
            ensure!(cx.shape(), ==, hx.shape());
        }
        let units = hx.shape()[2];
        for (what, list) in [("ws", ws), ("bs", bs)] {
            ensure!(list.len() == stacks, format!("{what}.len() == {stacks} (layers x directions)"), "{}", list.len());
            for (at, of) in list.iter().enumerate() {
                ensure!(of.len() == each, format!("{what}[{at}].len() == {each}"), "{}", of.len());
            }
        }
        for (at, (ws, bs)) in ws.iter().zip(bs).enumerate() {
            let inputs = if at < self.directions() { x.shape()[1] } else { units * self.directions() };
            for (j, (w, b)) in ws.iter().zip(bs).enumerate() {
                let from = if j < each / 2 { inputs } else { units };
                ensure!(
                    w.shape()[..] == [units, from],
                    format!("ws[{at}][{j}].shape == ({units}, {from})"),
                    "{}",
                    w.shape()
                );
                ensure!(b.shape()[..] == [units], format!("bs[{at}][{j}].shape == ({units},)"), "{}", b.shape());
            }
        }
        Ok(())
    }

    fn packed_weights(&self, w: &[Variable], b: &[Variable]) -> Weights {
        let join = |list: &[&Variable]| if list.len() == 1 { list[0].clone() } else { concat(list, 0) };
        let (on_input, bias, on_state, state_bias) = match self.cell {
            // Chainer's order here is i, f, a, o; the cell's is a, i, f, o.
            Cell::Lstm => {
                let sums: Vec<Variable> = [2, 0, 1, 3].iter().map(|&k| &b[k] + &b[k + 4]).collect();
                let on_input = join(&[&w[2], &w[0], &w[1], &w[3]]);
                (on_input, join(&sums.iter().collect::<Vec<_>>()), join(&[&w[6], &w[4], &w[5], &w[7]]), None)
            }
            Cell::Gru => {
                let state_bias = Some(join(&[&b[3], &b[4], &b[5]]));
                (join(&[&w[0], &w[1], &w[2]]), join(&[&b[0], &b[1], &b[2]]), join(&[&w[3], &w[4], &w[5]]), state_bias)
            }
            Cell::Tanh | Cell::Relu => (w[0].clone(), &b[0] + &b[1], w[1].clone(), None),
        };
        let laid = on_state.data().laid_for_products();
        Weights { on_input, bias, on_state, laid, state_bias }
    }

    fn step(&self, weights: &Weights, x: &Variable, (h, c): State) -> State {
        let sum = || x + product(&h, &weights.on_state, &weights.laid);
        match self.cell {
            Cell::Lstm => {
                let c = c.expect("an LSTM has a cell");
                let (c, h) = lstm::cell(&c, &sum(), Gates::Blocks);
                (h, Some(c))
            }
            Cell::Gru => {
                let state = linear(&h, &weights.on_state, weights.state_bias.as_ref());
                (n_step_gru::cell(x, &state, &h), None)
            }
            Cell::Tanh => (tanh(&sum()), None),
            Cell::Relu => (relu(&sum()), None),
        }
    }

    /// One layer in one direction: the last state, and the outputs by time.
    fn scan(
        &self,
        weights: &Weights,
        xs: &Variable,
        state: State,
        sizes: &[usize],
        backwards: bool,
    ) -> (State, Vec<Variable>) {
        // Sequences that end before others leave the batch at its end, or join it there.
        let parts = |s: &Variable| {
            let mut cuts: Vec<usize> = sizes.iter().skip(1).copied().filter(|&n| n < sizes[0]).rev().collect();
            cuts.dedup();
            if cuts.is_empty() { vec![s.clone()] } else { split_axis(s, cuts, 0) }
        };
        // The gradient of the weights on the state is taken of all steps at once, but for the GRU's, whose state's part is
        // no plain term of the sum.
        let states = States::default();
        let xs = match self.cell {
            Cell::Gru => cut(xs, sizes),
            _ => cut(&attach(xs, &weights.on_state, &states), sizes),
        };
        let (mut ys, mut used) = (Vec::with_capacity(xs.len()), Vec::with_capacity(xs.len()));
        if backwards {
            let (mut h_left, mut c_left) = (parts(&state.0), state.1.as_ref().map(parts).unwrap_or_default());
            let mut state: State = (h_left.remove(0), (!c_left.is_empty()).then(|| c_left.remove(0)));
            for t in (0..xs.len()).rev() {
                if state.0.shape()[0] < sizes[t] {
                    let joined = |s: &Variable, left: &mut Vec<Variable>| concat(&[s, &left.remove(0)], 0);
                    state = (joined(&state.0, &mut h_left), state.1.map(|c| joined(&c, &mut c_left)));
                }
                used.push(state.0.clone());
                state = self.step(weights, &xs[t], state);
                ys.push(state.0.clone());
            }
            ys.reverse();
            used.reverse();
            states.note(&used);
            return (state, ys);
        }
        let (mut h_done, mut c_done) = (vec![], vec![]);
        let mut state = state;
        for (x, &size) in xs.iter().zip(sizes) {
            if state.0.shape()[0] > size {
                let cut = |s: &Variable, done: &mut Vec<Variable>| {
                    let mut parts = split_axis(s, [size], 0);
                    done.extend(parts.pop());
                    parts.swap_remove(0)
                };
                state = (cut(&state.0, &mut h_done), state.1.map(|c| cut(&c, &mut c_done)));
            }
            used.push(state.0.clone());
            state = self.step(weights, x, state);
            ys.push(state.0.clone());
        }
        states.note(&used);
        let whole = |last: Variable, done: &[Variable]| {
            if done.is_empty() {
                return last;
            }
            concat(&[&last].into_iter().chain(done.iter().rev()).collect::<Vec<_>>(), 0)
        };
        ((whole(state.0, &h_done), state.1.map(|c| whole(c, &c_done))), ys)
    }
}

type State = (Variable, Option<Variable>);

/// Packed rows by time step, as views.
fn cut(rows: &Variable, sizes: &[usize]) -> Vec<Variable> {
    let mut at = 0;
    let ends: Vec<usize> = sizes[..sizes.len() - 1]
        .iter()
        .map(|n| {
            at += n;
            at
        })
        .collect();
    if ends.is_empty() { vec![rows.clone()] } else { split_axis(rows, ends, 0) }
}

/// Variables for cases: time steps, states and weights, taken in order from a list.
pub(super) fn weights_of(x: &[Variable], stacks: usize, each: usize) -> (Vec<Vec<Variable>>, Vec<Vec<Variable>>) {
    let mut left = x.iter().cloned();
    let mut take = || -> Vec<Variable> { left.by_ref().take(each).collect() };
    let ws = (0..stacks).map(|_| take()).collect();
    let bs = (0..stacks).map(|_| take()).collect();
    (ws, bs)
}

/// A case over the batch sizes 3, 2, 1: steps, then the state (and the cell), then weights, then biases.
pub(super) fn case(
    name: &str,
    layers: Layers,
    call: impl Fn(&Layers, &[Variable]) -> Vec<Variable> + Send + Sync + 'static,
) -> crate::autograd::Case {
    let (inputs, units) = (2, 3);
    let (stacks, each) = (layers.layers * layers.directions(), layers.cell.weights());
    let mut case = crate::autograd::Case::many(name, move |x| call(&layers, x));
    for size in [3, 2, 1] {
        case = case.input([size, inputs]);
    }
    case = case.input([stacks, 3, units]);
    if layers.cell == Cell::Lstm {
        case = case.input([stacks, 3, units]);
    }
    for at in 0..stacks {
        let from = if at < layers.directions() { inputs } else { units * layers.directions() };
        for j in 0..each {
            case = case.input([units, if j < each / 2 { from } else { units }]);
        }
    }
    for _ in 0..stacks * each {
        case = case.input([units]);
    }
    case
}
