use crate::{
    autograd::{
        Case, Forward, Function, Grad, Retain, Saved, Variable, apply_all, backward_to, config, grad, using_config,
    },
    functions::{activation::tanh, array::copy, math::sum},
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
/// nothing should be learnt by the way. Gradients that have a graph of their own hold that of the second run.
///
/// # Panics
/// Where `f` does.
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
        let graph = config().enable_backprop;
        let held = saved.arity() - 1;
        // An input that was made of another, or is the same, counts as one of its own.
        let part = |i: usize| match saved.input(i) {
            x if !saved.needs(i) => Variable::constant(x.data().clone()),
            x if graph => copy(x, x.device()),
            x => Variable::new(x.data().clone()),
        };
        let xs: Vec<Variable> = (0..held).map(part).collect();
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
        let (ys, gys): (Vec<&Variable>, Vec<Variable>) =
            ys.iter().zip(gys).filter_map(|(y, gy)| Some((y, gy.clone()?))).unzip();
        let xs: Vec<&Variable> = xs.iter().collect();
        let gxs = if saved.needs(held) {
            backward_to(&ys, gys, &xs, graph)
        } else {
            let grad_outputs = gys.into_iter().map(Some).collect();
            grad(&ys, &xs, Grad { grad_outputs, enable_double_backprop: graph, ..Grad::default() })
        };
        gxs.into_iter().chain([None]).collect()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("forget", |x| forget(|x| tanh(&(&x[0] * &x[1])) * &x[0], &[&x[0], &x[1]]))
            .input([2, 3])
            .input([2, 3]),
        Case::many("forget/several", |x| forget_all(|x| vec![sum(&x[0]), tanh(&x[0])], &[&x[0]])).input([2, 3]),
        Case::new("forget/within", |x| tanh(&forget(|x| forget(|x| tanh(&x[0]), &[&x[0]]) * 2.0, &[&(&x[0] * 3.0)])))
            .input([4]),
        Case::new("forget/overlapping", |x| {
            let y = tanh(&x[0]);
            forget(|x| &(&x[0] * &x[1]) * &tanh(&x[2]), &[&x[0], &y, &x[0]])
        })
        .input([4]),
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

    #[test]
    fn a_penalty_on_a_gradient_reaches_held_parameters_and_the_gradient_alone_leaves_them() {
        let run = |forgetting: bool| {
            random::seed(5);
            let layer = L::Linear::new(3, 2);
            let x = Variable::new(Tensor::from_slice(&[0.5f32, -1.0, 0.25], [1, 3], &Device::cpu()));
            let held = layer.share();
            let part = move |x: &[Variable]| tanh(&held.forward(&x[0]));
            let y = if forgetting { forget(part, &[&x]) } else { part(std::slice::from_ref(&x)) };
            let again = Grad { enable_double_backprop: true, ..Grad::default() };
            let gx = grad(&[&sum(&y)], &[&x], again).swap_remove(0).expect("a gradient");
            assert!(layer.W.grad().is_none());
            sum(&(&gx * &gx)).backward();
            let values = |g: Option<Tensor>| g.expect("a gradient").to_vec::<f32>().expect("values");
            [values(layer.W.grad()), values(x.grad())]
        };
        for (actual, expected) in run(true).iter().flatten().zip(run(false).iter().flatten()) {
            assert!((actual - expected).abs() < 1e-6, "{actual} and {expected}");
        }
    }
}
