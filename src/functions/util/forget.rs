use crate::{
    autograd::{Backward, Case, Forward, Function, Retain, Saved, Variable, apply_all, backward, config, using_config},
    functions::{activation::tanh, math::sum},
    random::{self, Generator},
    shape::{DType, InvalidType, Meta},
    tensor::Tensor,
};
use parking_lot::Mutex;
use std::fmt;

/// `f(xs)` without its intermediate values: they are computed again in the backward pass.
///
/// Memory for time: of a deep part of a network, only the inputs are kept. What `f` draws at random it draws again
/// alike. Parameters that `f` holds get their gradients from [`backward`](Variable::backward); [`grad`](crate::autograd::grad())
/// sees `xs` alone. [`Config::recomputing`](crate::autograd::Config::recomputing) holds in the second run, in which
/// nothing should be learnt by the way. Results cannot be differentiated twice.
///
/// # Panics
/// Where `f` does; in the backward pass when gradients are to have a graph of their own.
///
/// ```
/// # use catena::prelude::*;
/// let layer = L::Linear::new(3, 2);
/// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// let part = layer.share();
/// let y = F::forget(move |xs| F::relu(&part.forward(&xs[0])), &[&x]);
/// F::sum(&y).backward();
/// assert!(layer.W.grad().is_some());
/// ```
#[track_caller]
pub fn forget(f: impl Fn(&[Variable]) -> Variable + Send + Sync + 'static, xs: &[&Variable]) -> Variable {
    forget_all(move |xs| vec![f(xs)], xs).swap_remove(0)
}

/// As [`forget`], for several results.
///
/// # Panics
/// As [`forget`].
#[track_caller]
pub fn forget_all(f: impl Fn(&[Variable]) -> Vec<Variable> + Send + Sync + 'static, xs: &[&Variable]) -> Vec<Variable> {
    let device = xs.first().expect("forget: expected at least one input, got none").device();
    // Parameters that `f` holds want gradients even where no input does.
    let wanted = Variable::new(Tensor::zeros([0], DType::F32, device));
    let generator = random::generator();
    let values: Vec<Variable> = xs.iter().map(|x| x.detach()).collect();
    let outputs: Vec<Tensor> = {
        let _scope = using_config(|c| c.enable_backprop = false);
        f(&values).iter().map(|y| y.data().clone()).collect()
    };
    let metas = outputs.iter().map(|y| y.meta()).collect();
    let forget = Forget { f: Box::new(f), generator, train: config().train, metas, outputs: Mutex::new(outputs) };
    apply_all(forget, &xs.iter().copied().chain([&wanted]).collect::<Vec<_>>())
}

type Part = dyn Fn(&[Variable]) -> Vec<Variable> + Send + Sync;

struct Forget {
    f: Box<Part>,
    /// As it was before the first run.
    generator: Generator,
    train: bool,
    metas: Vec<Meta>,
    /// Of the first run, until the forward pass hands them on.
    outputs: Mutex<Vec<Tensor>>,
}

impl fmt::Debug for Forget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forget")
    }
}

impl Function for Forget {
    fn name(&self) -> &'static str {
        "forget"
    }

    fn infer(&self, _: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(self.metas.clone())
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, _: &[Tensor]) -> Forward {
        std::mem::take(&mut *self.outputs.lock()).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        assert!(!config().enable_backprop, "forget: a part that is computed again cannot be differentiated twice");
        let n = saved.arity() - 1;
        let leaf = |i: usize| {
            let x = saved.input(i).data().clone();
            if saved.needs(i) { Variable::new(x) } else { Variable::constant(x) }
        };
        let xs: Vec<Variable> = (0..n).map(leaf).collect();
        let now = random::set_generator(self.generator);
        let ys = {
            let _scope = using_config(|c| {
                c.enable_backprop = true;
                c.train = self.train;
                c.recomputing = true;
            });
            (self.f)(&xs)
        };
        random::set_generator(now);
        let wanted: Vec<&Variable> = ys
            .iter()
            .zip(gys)
            .filter_map(|(y, gy)| {
                y.set_grad(Some(gy.as_ref()?.data().clone()));
                Some(y)
            })
            .collect();
        backward(&wanted, Backward::default());
        let gradients = xs.iter().map(|x| x.grad().map(Variable::constant));
        gradients.chain([None]).collect()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("forget", |x| forget(|x| tanh(&(&x[0] * &x[1])) * &x[0], &[&x[0], &x[1]]))
            .input([2, 3])
            .input([2, 3])
            .order(1),
        Case::many("forget/several", |x| forget_all(|x| vec![sum(&x[0]), tanh(&x[0])], &[&x[0]]))
            .input([2, 3])
            .order(1),
        Case::new("forget/within", |x| tanh(&forget(|x| forget(|x| tanh(&x[0]), &[&x[0]]) * 2.0, &[&(&x[0] * 3.0)])))
            .input([4])
            .order(1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, functions as F, links as L, links::Link};

    #[test]
    fn what_is_drawn_is_drawn_again_and_held_parameters_learn() {
        let run = |forgetting: bool| {
            random::seed(3);
            let layer = L::Linear::new(8, 8);
            let x = Variable::constant(Tensor::ones([4, 8], DType::F32, &Device::cpu()));
            let held = layer.share();
            let part = move |x: &[Variable]| {
                assert_eq!(config().recomputing, forgetting && config().enable_backprop);
                F::dropout(&held.forward(&x[0]), 0.5)
            };
            let y = if forgetting { forget(part, &[&x]) } else { part(std::slice::from_ref(&x)) };
            F::sum(&(&y * &y)).backward();
            let next = random::with(|g| g.uniform());
            (layer.W.grad().map(|g| g.to_vec::<f32>().expect("values")), next)
        };
        let plain = run(false);
        assert!(plain.0.is_some());
        assert_eq!(run(true), plain);
    }
}
