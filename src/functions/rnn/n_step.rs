//! What the functions over whole sequences share: layers and directions over packed rows.

use super::layer::{self, State, Weights, cut};
pub(crate) use crate::kernel::recurrence::Cell;
use crate::{
    autograd::Variable,
    functions::{
        array::{concat, split_axis, stack, with_shape},
        noise::dropout,
    },
    kernel::recurrence::Recurrence,
    shape::{InvalidType, ensure},
    tensor::expect,
};

impl Cell {
    /// Weights, and biases, of one layer and direction: the first half act on the input, the second on the state.
    pub fn weights(self) -> usize {
        2 * self.gates()
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

impl Layers {
    fn directions(&self) -> usize {
        if self.both_ways { 2 } else { 1 }
    }

    pub fn stacks(&self) -> usize {
        self.layers * self.directions()
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
                let dtype = xs[0].dtype();
                ensure!(x.dtype() == dtype, format!("xs[{t}].dtype == xs[0].dtype"), "{} != {dtype}", x.dtype());
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
                let layer = Recurrence { cell: self.cell, sizes: sizes.to_vec(), backwards: direction == 1 };
                let weights = Weights::joined(self.cell, &ws[at], &bs[at]);
                let state = State { h: h0[at].clone(), c: c0.as_ref().map(|c| c[at].clone()) };
                let (last, y) = layer::run(layer, &rows, weights, state);
                hs.push(last.h);
                cs.extend(last.c);
                outputs.push(y);
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
        let (stacks, each) = (self.stacks(), self.cell.weights());
        ensure!(self.layers > 0, "n_layers > 0", "{}", self.layers);
        ensure!(x.dtype().is_float(), "xs.dtype.kind == f", "{}", x.dtype());
        let others = [Some(hx), cx].into_iter().flatten().chain(ws.iter().flatten()).chain(bs.iter().flatten());
        for of in others {
            ensure!(of.dtype() == x.dtype(), format!("states, weights and biases of {}", x.dtype()), "{}", of.dtype());
        }
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
    let (stacks, each) = (layers.stacks(), layers.cell.weights());
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
