//! Products of all states of a layer with the same weights: the weights' gradient is one product at the end of the
//! backward pass instead of one a step.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, VariableNode, apply, config},
    functions::{
        array::concat,
        math::{matmul, matmul_transposed},
    },
    shape::{InvalidType, Meta},
    tensor::Tensor,
};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// A state's values and its place in the graph, which is held weakly: it comes after the function that holds this.
type Noted = (Tensor, Weak<VariableNode>);

/// The states that were multiplied, by time.
#[derive(Debug, Default, Clone)]
pub(super) struct States(Arc<Mutex<Vec<Noted>>>);

impl States {
    /// Notes the states of all steps, in the order of time.
    pub fn note(&self, states: &[Variable]) {
        *self.0.lock() = states.iter().map(|s| (s.data().clone(), Arc::downgrade(s.node()))).collect();
    }

    /// All of them as rows.
    fn rows(&self) -> Variable {
        let graph = config().enable_backprop;
        let one = |(data, node): &Noted| match node.upgrade().filter(|_| graph) {
            Some(node) => Variable::from_parts(data.clone(), node),
            None => Variable::constant(data.clone()),
        };
        let states: Vec<Variable> = self.0.lock().iter().map(one).collect();
        concat(&states.iter().collect::<Vec<_>>(), 0)
    }
}

/// `x`, the input's part of all steps' sums, through which the gradient of the state's `weights` comes as well.
pub(super) fn attach(x: &Variable, weights: &Variable, states: &States) -> Variable {
    apply(Attach { states: states.clone() }, &[x, weights])
}

#[derive(Debug)]
struct Attach {
    states: States,
}

impl Function for Attach {
    fn name(&self) -> &'static str {
        "state_weights"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![xs[0].clone()])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].clone().into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let gy = gys[0].as_ref();
        let gw = gy.filter(|_| saved.needs(1)).map(|gy| matmul_transposed(gy, &self.states.rows(), true, false));
        vec![gy.cloned(), gw]
    }
}

/// `h W^T`, whose gradient of `W` comes by [`attach`].
pub(super) fn product(h: &Variable, weights: &Variable) -> Variable {
    apply(Product, &[h, weights])
}

#[derive(Debug)]
struct Product;

impl Function for Product {
    fn name(&self) -> &'static str {
        "state_product"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![crate::shape::matmul(&xs[0], &xs[1], false, true)?.0])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].matmul(&xs[1], false, true).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().filter(|_| saved.needs(0)).map(|gy| matmul(gy, saved.input(1))), None]
    }
}
