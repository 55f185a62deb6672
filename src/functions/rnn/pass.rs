use super::layer::{State, Weights, by_steps};
use crate::{
    autograd::{Forward, Function, Grad, Retain, Saved, Variable, config, grad},
    functions::math::{matmul, matmul_transposed, sum_axes},
    kernel::recurrence::{self, Begin, Cell, Recurrence, Upstream},
    shape::{InvalidType, Meta},
    tensor::Tensor,
};

/// A layer in one direction as one function: of packed rows, the weights on them, their bias, the weights on the state,
/// the first state, and, as the cell has them, the state's bias or the first cell. It gives the outputs, the last state,
/// the last cell.
#[derive(Debug)]
pub(super) struct Pass {
    pub layer: Recurrence,
}

const STATE: usize = 4;
const MORE: usize = 5;

impl Pass {
    fn has_cell(&self) -> bool {
        self.layer.cell == Cell::Lstm
    }

    /// The layer once more, by steps, which can be differentiated again.
    fn backward_in_graph(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let input = |i: usize| saved.input(i).clone();
        let more = (saved.arity() > MORE).then(|| input(MORE));
        let (c, state_bias) = if self.has_cell() { (more, None) } else { (None, more) };
        let weights = Weights { on_input: input(1), bias: input(2), on_state: input(3), state_bias };
        let (last, y) = by_steps(&self.layer, &input(0), &weights, State { h: input(STATE), c });
        let ys: Vec<Variable> = [y, last.h].into_iter().chain(last.c).collect();
        let (ys, grad_outputs): (Vec<&Variable>, _) =
            ys.iter().zip(gys).filter(|(_, gy)| gy.is_some()).map(|(y, gy)| (y, gy.clone())).unzip();
        let xs: Vec<&Variable> = (0..saved.arity()).map(|i| saved.input(i)).collect();
        let options = Grad { grad_outputs, enable_double_backprop: true, ..Grad::default() };
        let mut found = grad(&ys, &xs, options);
        // What came by two inputs that are one variable is theirs together.
        for i in 1..xs.len() {
            if xs[..i].iter().any(|x| x.node().id() == xs[i].node().id()) {
                found[i] = None;
            }
        }
        found
    }
}

impl Function for Pass {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (rows, state) = (xs[0].shape[0], &xs[STATE]);
        let outputs = Meta::new([rows, state.shape[1]], state.dtype);
        Ok([outputs, state.clone()].into_iter().chain(self.has_cell().then(|| state.clone())).collect())
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let sums = xs[0].matmul(&xs[1], false, true);
        let more = xs.get(MORE);
        let (c, state_bias) = if self.has_cell() { (more, None) } else { (None, more) };
        let weights = recurrence::Weights { on_state: &xs[3], bias: &xs[2], state_bias };
        let pass = self.layer.run(&sums, weights, Begin { h: &xs[STATE], c });
        let outputs: Vec<Tensor> = [pass.outputs, pass.h].into_iter().chain(pass.c).collect();
        Forward::with_extras(outputs, pass.kept.into())
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        if config().enable_backprop {
            return self.backward_in_graph(saved, gys);
        }
        let upstream = |i: usize| gys.get(i).and_then(Option::as_ref).map(Variable::data);
        let upstream = Upstream { outputs: upstream(0), h: upstream(1), c: upstream(2) };
        let begin = Begin { h: saved.input(STATE).data(), c: self.has_cell().then(|| saved.input(MORE).data()) };
        let pass = (saved.output(0).data(), [saved.extra(0), saved.extra(1)]);
        let back = self.layer.run_back(saved.input(3).data(), begin, pass, upstream);
        let on_input = Variable::constant(back.on_input);
        let on_state = back.on_state.map_or_else(|| on_input.clone(), Variable::constant);
        let before = Variable::constant(back.before);
        let bias = |sums: &Variable| sum_axes(sums, Some(&[0]), false);
        let mut gradients = vec![
            saved.needs(0).then(|| matmul(&on_input, saved.input(1))),
            saved.needs(1).then(|| matmul_transposed(&on_input, saved.input(0), true, false)),
            saved.needs(2).then(|| bias(&on_input)),
            saved.needs(3).then(|| matmul_transposed(&on_state, &before, true, false)),
            Some(Variable::constant(back.h)),
        ];
        if saved.arity() > MORE {
            gradients.push(match back.c {
                Some(c) => Some(Variable::constant(c)),
                None => saved.needs(MORE).then(|| bias(&on_state)),
            });
        }
        gradients
    }
}
