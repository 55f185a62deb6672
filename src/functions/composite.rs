//! Derivatives of what is written as a composition of other functions.

use crate::{
    autograd::{Grad, Variable, config, grad, using_config},
    functions::array::reshape,
};

/// The gradients of `f(xs)` with respect to those of `xs` that are `wanted`, given those of its results.
///
/// For functions with kernels of their own whose second derivatives are asked for rarely: their gradient's own backward
/// pass states the gradient once more, in variables, and differentiates that. The results have a graph where the pass at
/// hand makes one, so that any order follows.
pub(crate) fn gradients_of(
    f: impl FnOnce(&[Variable]) -> Vec<Variable>,
    xs: &[&Variable],
    wanted: &[bool],
    gys: &[Option<Variable>],
) -> Vec<Option<Variable>> {
    let higher = config().enable_backprop;
    let inner: Vec<Variable> = xs
        .iter()
        .zip(wanted)
        .map(|(x, wanted)| match (wanted, higher) {
            (false, _) => x.detach(),
            (true, false) => Variable::new(x.data().clone()),
            // A variable of its own: what one operand owes to another does not belong to this function.
            (true, true) => reshape(x, x.shape().iter().map(|&d| d as isize).collect::<Vec<_>>()),
        })
        .collect();
    let ys = {
        let _scope = using_config(|c| c.enable_backprop = true);
        f(&inner)
    };
    let given = ys.iter().zip(gys).filter(|(y, gy)| gy.is_some() && y.requires_grad());
    let (outputs, seeds): (Vec<&Variable>, Vec<Option<Variable>>) = given.map(|(y, gy)| (y, gy.clone())).unzip();
    let inputs: Vec<&Variable> = inner.iter().collect();
    let options = Grad { grad_outputs: seeds, enable_double_backprop: higher, ..Grad::default() };
    let gxs = grad(&outputs, &inputs, options);
    gxs.into_iter().zip(wanted).map(|(gx, wanted)| gx.filter(|_| *wanted)).collect()
}
