//! One layer in one direction over packed rows: in one pass where the device has it, else step by step.

use super::{
    gates::Gates,
    lstm, n_step_gru,
    pass::Pass,
    states::{States, attach, product},
};
use crate::{
    autograd::{Variable, apply_all},
    functions::{
        activation::{relu, tanh},
        array::{concat, split_axis},
        connection::linear,
    },
    kernel::recurrence::{Cell, Recurrence},
};

/// The states of a batch, and the cells of an LSTM.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub h: Variable,
    pub c: Option<Variable>,
}

/// A layer's weights, joined for one product each.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    pub on_input: Variable,
    pub bias: Variable,
    pub on_state: Variable,
    /// Where it is not part of the other.
    pub state_bias: Option<Variable>,
}

impl Weights {
    /// Of those in Chainer's order.
    pub fn joined(cell: Cell, w: &[Variable], b: &[Variable]) -> Weights {
        let join = |list: &[&Variable]| if list.len() == 1 { list[0].clone() } else { concat(list, 0) };
        let (on_input, bias, on_state, state_bias) = match cell {
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
        Weights { on_input, bias, on_state, state_bias }
    }
}

/// The last state, and the outputs as packed rows.
pub(super) fn run(layer: Recurrence, rows: &Variable, weights: Weights, state: State) -> (State, Variable) {
    if !Recurrence::is_for(rows.data()) || state.h.size() == 0 {
        return by_steps(&layer, rows, &weights, state);
    }
    let inputs = inputs(rows, &weights, &state);
    let mut ys = apply_all(Pass { layer }, &inputs).into_iter();
    let mut next = || ys.next().expect("an output");
    let (y, h) = (next(), next());
    let c = state.c.is_some().then(next);
    (State { h, c }, y)
}

/// What a layer depends on, in the order of [`Pass`].
fn inputs<'a>(rows: &'a Variable, weights: &'a Weights, state: &'a State) -> Vec<&'a Variable> {
    let Weights { on_input, bias, on_state, state_bias } = weights;
    let more = state_bias.iter().chain(&state.c);
    [rows, on_input, bias, on_state, &state.h].into_iter().chain(more).collect()
}

/// The same by functions of single steps, which can be differentiated any number of times, on any device.
pub(super) fn by_steps(layer: &Recurrence, rows: &Variable, weights: &Weights, state: State) -> (State, Variable) {
    let projected = linear(rows, &weights.on_input, Some(&weights.bias));
    let (last, ys) = scan(layer, weights, &projected, state);
    (last, concat(&ys.iter().collect::<Vec<_>>(), 0))
}

fn step(cell: Cell, weights: &Weights, x: &Variable, State { h, c }: State) -> State {
    let sum = || x + product(&h, &weights.on_state);
    let plain = |h| State { h, c: None };
    match cell {
        Cell::Lstm => {
            let c = c.expect("an LSTM has a cell");
            let (c, h) = lstm::cell(&c, &sum(), Gates::Blocks);
            State { h, c: Some(c) }
        }
        Cell::Gru => {
            let state = linear(&h, &weights.on_state, weights.state_bias.as_ref());
            plain(n_step_gru::cell(x, &state, &h))
        }
        Cell::Tanh => plain(tanh(&sum())),
        Cell::Relu => plain(relu(&sum())),
    }
}

/// The last state, and the outputs by time.
fn scan(layer: &Recurrence, weights: &Weights, xs: &Variable, state: State) -> (State, Vec<Variable>) {
    let (cell, sizes) = (layer.cell, &layer.sizes[..]);
    // Sequences that end before others leave the batch at its end, or join it there.
    let parts = |s: &Variable| {
        let mut cuts: Vec<usize> = sizes.iter().skip(1).copied().filter(|&n| n < sizes[0]).rev().collect();
        cuts.dedup();
        if cuts.is_empty() { vec![s.clone()] } else { split_axis(s, cuts, 0) }
    };
    // The gradient of the weights on the state is taken of all steps at once, but for the GRU's, whose state's part is
    // no plain term of the sum.
    let states = States::default();
    let xs = match cell {
        Cell::Gru => cut(xs, sizes),
        _ => cut(&attach(xs, &weights.on_state, &states), sizes),
    };
    let (mut ys, mut used) = (Vec::with_capacity(xs.len()), Vec::with_capacity(xs.len()));
    if layer.backwards {
        let (mut h_left, mut c_left) = (parts(&state.h), state.c.as_ref().map(parts).unwrap_or_default());
        let mut state = State { h: h_left.remove(0), c: (!c_left.is_empty()).then(|| c_left.remove(0)) };
        for t in (0..xs.len()).rev() {
            if state.h.shape()[0] < sizes[t] {
                let joined = |s: &Variable, left: &mut Vec<Variable>| concat(&[s, &left.remove(0)], 0);
                state = State { h: joined(&state.h, &mut h_left), c: state.c.map(|c| joined(&c, &mut c_left)) };
            }
            used.push(state.h.clone());
            state = step(cell, weights, &xs[t], state);
            ys.push(state.h.clone());
        }
        ys.reverse();
        used.reverse();
        states.note(&used);
        return (state, ys);
    }
    let (mut h_done, mut c_done) = (vec![], vec![]);
    let mut state = state;
    for (x, &size) in xs.iter().zip(sizes) {
        if state.h.shape()[0] > size {
            let cut = |s: &Variable, done: &mut Vec<Variable>| {
                let mut parts = split_axis(s, [size], 0);
                done.extend(parts.pop());
                parts.swap_remove(0)
            };
            state = State { h: cut(&state.h, &mut h_done), c: state.c.map(|c| cut(&c, &mut c_done)) };
        }
        used.push(state.h.clone());
        state = step(cell, weights, x, state);
        ys.push(state.h.clone());
    }
    states.note(&used);
    let whole = |last: Variable, done: &[Variable]| {
        if done.is_empty() {
            return last;
        }
        concat(&[&last].into_iter().chain(done.iter().rev()).collect::<Vec<_>>(), 0)
    };
    (State { h: whole(state.h, &h_done), c: state.c.map(|c| whole(c, &c_done)) }, ys)
}

/// Packed rows by time step, as views.
pub(super) fn cut(rows: &Variable, sizes: &[usize]) -> Vec<Variable> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, tensor::Tensor};

    fn leaf(shape: [usize; 2], seed: usize) -> Variable {
        let n = shape[0] * shape[1];
        let values: Vec<f64> = (0..n).map(|i| (((i + 3) * (seed * 2 + 7)) as f64 * 0.37).sin() * 0.8).collect();
        Variable::new(Tensor::from_slice(&values, shape, &Device::cpu()))
    }

    /// Outputs and gradients, in one order.
    fn everything(ys: (State, Variable), inputs: &[&Variable]) -> Vec<Vec<f64>> {
        let (State { h, c }, y) = ys;
        let ys: Vec<Variable> = [y, h].into_iter().chain(c).collect();
        for (k, y) in ys.iter().enumerate() {
            y.set_grad(Some(leaf([y.shape()[0], y.shape()[1]], k + 20).data().clone()));
        }
        inputs.iter().for_each(|x| x.cleargrad());
        crate::autograd::backward(&ys.iter().collect::<Vec<_>>(), Default::default());
        let values = ys.iter().map(|y| y.data().to_vec::<f64>().expect("values"));
        values.chain(inputs.iter().map(|x| x.grad().expect("a gradient").to_vec::<f64>().expect("values"))).collect()
    }

    #[test]
    fn a_pass_is_what_its_steps_are() {
        // Shares of several cores, sequences of one length and of many, more units than a panel has columns.
        for sizes in [vec![1], vec![3, 3, 3], vec![21, 21, 20, 13, 5, 5, 1], vec![9, 1, 1, 1]] {
            for (cell, backwards) in
                [Cell::Lstm, Cell::Gru, Cell::Tanh, Cell::Relu].into_iter().flat_map(|c| [(c, false), (c, true)])
            {
                let (rows, width) = (sizes.iter().sum(), cell.gates());
                for units in [1, 5, 33] {
                    let x = leaf([rows, 3], 1);
                    let weights = Weights {
                        on_input: leaf([width * units, 3], 2),
                        bias: Variable::new(leaf([width, units], 3).data().reshape([-1])),
                        on_state: leaf([width * units, units], 4),
                        state_bias: (cell == Cell::Gru)
                            .then(|| Variable::new(leaf([width, units], 5).data().reshape([-1]))),
                    };
                    let c = (cell == Cell::Lstm).then(|| leaf([sizes[0], units], 7));
                    let state = State { h: leaf([sizes[0], units], 6), c };
                    let inputs = inputs(&x, &weights, &state);
                    let layer = Recurrence { cell, sizes: sizes.clone(), backwards };
                    let steps = everything(by_steps(&layer, &x, &weights, state.clone()), &inputs);
                    let pass = everything(run(layer.clone(), &x, weights.clone(), state.clone()), &inputs);
                    for (k, (pass, steps)) in pass.iter().zip(&steps).enumerate() {
                        for (i, (a, b)) in pass.iter().zip(steps).enumerate() {
                            assert!((a - b).abs() < 1e-9, "{layer:?} {units} units, {k}: element {i}: {a} {b}");
                        }
                    }
                }
            }
        }
    }
}
