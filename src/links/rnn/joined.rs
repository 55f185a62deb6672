//! Parameters of a cell joined for one product each, from one step to the next.

use crate::{
    autograd::{Variable, VariableNode, config},
    shape::View,
    tensor::Storage,
};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// What a cell computes with, made of its parameters.
///
/// All steps of a sequence share it, so that it is made once and its gradient is taken apart once. It is made anew when
/// a parameter has other values, or when the graph that leads to the parameters was let go of. A copy of the link starts
/// without it.
#[derive(Debug, Default)]
pub(super) struct Joined(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    of: Vec<Source>,
    joined: Vec<Variable>,
}

/// A parameter's place in the graph and its values, both held weakly: an optimizer updates values in their memory only
/// if nobody else holds them.
#[derive(Debug)]
struct Source {
    node: Weak<VariableNode>,
    storage: Weak<Storage>,
    view: View,
}

impl Source {
    fn new(x: &Variable) -> Source {
        let storage = Arc::downgrade(&x.data().storage);
        Source { node: Arc::downgrade(x.node()), storage, view: x.data().view.clone() }
    }

    fn is(&self, x: &Variable) -> bool {
        std::ptr::eq(self.node.as_ptr(), Arc::as_ptr(x.node()))
            && std::ptr::eq(self.storage.as_ptr(), Arc::as_ptr(&x.data().storage))
            && self.view == x.data().view
    }
}

impl Clone for Joined {
    fn clone(&self) -> Joined {
        Joined::default()
    }
}

impl Joined {
    /// What `make` gives for these parameters, or gave when they were the same.
    pub fn get(&self, of: &[&Variable], make: impl FnOnce() -> Vec<Variable>) -> Vec<Variable> {
        let mut made = self.0.lock();
        if let Some(Made { of: before, joined }) = &*made {
            let same = before.len() == of.len() && before.iter().zip(of).all(|(source, x)| source.is(x));
            let linked = !config().enable_backprop || joined.iter().all(|x| x.creator().is_some());
            if same && linked {
                return joined.clone();
            }
        }
        // The old is given up before the new is made.
        *made = None;
        let joined = make();
        *made = Some(Made { of: of.iter().map(|x| Source::new(x)).collect(), joined: joined.clone() });
        joined
    }
}

/// Biases as the terms of sums, with zeros for a sum of none; nothing where all are of none.
pub(super) fn biases(mut sums: Vec<Vec<Variable>>) -> Option<Vec<Vec<Variable>>> {
    let zeros = sums.iter().flatten().next()?.data().full_like(0.0);
    sums.iter_mut().filter(|terms| terms.is_empty()).for_each(|terms| terms.push(Variable::constant(zeros.clone())));
    Some(sums)
}

#[cfg(test)]
mod tests {
    use crate::{
        autograd::Variable,
        autograd::no_backprop,
        device::Device,
        functions as F,
        links::{Link, StatelessGRU},
        optimizers::{Rule, Sgd},
        shape::DType,
        tensor::Tensor,
    };

    fn gradients(cell: &StatelessGRU) -> Vec<Vec<f32>> {
        let (x, h) =
            (Tensor::ones([2, 3], DType::F32, &Device::cpu()), Tensor::ones([2, 2], DType::F32, &Device::cpu()));
        cell.cleargrads();
        let y = cell.forward(Some(&Variable::constant(h)), &Variable::constant(x));
        F::sum(&y).backward();
        cell.params().iter().map(|p| p.grad().expect("a gradient").to_vec::<f32>().expect("values")).collect()
    }

    #[test]
    fn what_is_joined_follows_the_parameters_and_the_graph() {
        let cell = StatelessGRU::new(3, 2);
        let fresh = || gradients(&cell.copy());
        {
            let _scope = no_backprop();
            let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
            cell.forward(Some(&Variable::constant(Tensor::ones([2, 2], DType::F32, &Device::cpu()))), &x);
        }
        // Made without a graph, with one, and again with another's gradients there.
        assert_eq!(gradients(&cell), fresh());
        assert_eq!(gradients(&cell), fresh());
        Sgd::new(0.5).setup(&cell).update();
        assert_eq!(gradients(&cell), fresh(), "after a step");
        cell.U.W.set_data(cell.U.W.data().mul_scalar(2.0));
        assert_eq!(gradients(&cell), fresh(), "after set_data");
        let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
        let h = Variable::constant(Tensor::ones([2, 2], DType::F32, &Device::cpu()));
        cell.forward(Some(&h), &x).unchain_backward();
        assert_eq!(gradients(&cell), fresh(), "after unchain_backward");
    }
}
