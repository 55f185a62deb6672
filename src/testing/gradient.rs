//! Gradients against finite differences, along one random direction over all inputs.

use crate::{
    autograd::{Grad, Variable, grad},
    device::Device,
    functions as F,
    kernel::philox::Generator,
    tensor::{HostArray, Tensor},
};
use ndarray::{ArrayD, IxDyn};

type Function<'a> = &'a dyn Fn(&[Variable]) -> Vec<Variable>;

fn variable(a: &HostArray) -> Variable {
    let t = Tensor::from_host(a.clone(), &Device::cpu()).expect("the CPU holds every dtype");
    if t.dtype().is_float() { Variable::new(t) } else { Variable::constant(t) }
}

fn direction(shape: &[usize], generator: &mut Generator) -> ArrayD<f64> {
    // No component is so small that its input would go untested.
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        let v = 2.0 * f64::from(generator.uniform()) - 1.0;
        v + 0.1f64.copysign(v)
    })
}

fn moved(x: &HostArray, d: &ArrayD<f64>, step: f64) -> HostArray {
    match x {
        HostArray::F64(a) => HostArray::F64(a + &(d * step)),
        other => other.clone(),
    }
}

fn dot(ys: &[ArrayD<f64>], gys: &[ArrayD<f64>]) -> f64 {
    ys.iter().zip(gys).map(|(y, g)| (y * g).sum()).sum()
}

fn values(ys: &[Variable]) -> Vec<ArrayD<f64>> {
    ys.iter().map(|y| y.data().to_f64().expect("the CPU does not fail")).collect()
}

/// Gradients of `sum(f(x) * gy)` with respect to every float input; zeros where there is none.
pub(super) fn gradients(f: Function<'_>, xs: &[HostArray], gys: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let vars: Vec<Variable> = xs.iter().map(variable).collect();
    let ys = f(&vars);
    let (outputs, seeds) = seeded(&ys, gys);
    let inputs: Vec<&Variable> = vars.iter().collect();
    let gs = grad(&outputs, &inputs, Grad { grad_outputs: seeds, ..Grad::default() });
    gs.into_iter()
        .zip(&vars)
        .map(|(g, x)| match g {
            Some(g) => g.data().to_f64().expect("the CPU does not fail"),
            None => ArrayD::zeros(IxDyn(x.shape())),
        })
        .collect()
}

fn seeded<'a>(ys: &'a [Variable], gys: &[ArrayD<f64>]) -> (Vec<&'a Variable>, Vec<Option<Variable>>) {
    let pairs = ys.iter().zip(gys).filter(|(y, _)| y.requires_grad());
    pairs.map(|(y, g)| (y, Some(variable(&HostArray::F64(g.clone()))))).unzip()
}

fn compare(what: &str, analytic: f64, numeric: f64, tolerance: f64) -> Result<(), String> {
    if (analytic - numeric).abs() > tolerance * (1.0 + numeric.abs()) {
        return Err(format!("{what}: the gradient says {analytic}, finite differences say {numeric}"));
    }
    Ok(())
}

const STEP: f64 = 1e-6;

/// Checks first-order gradients of `f` at `xs` (floats as `f64`) for output gradients `gys`.
///
/// # Errors
/// Both derivatives along the direction, where they differ.
pub fn check_backward(
    f: Function<'_>,
    xs: &[HostArray],
    gys: &[ArrayD<f64>],
    generator: &mut Generator,
    tolerance: f64,
) -> Result<(), String> {
    let directions: Vec<_> = xs.iter().map(|x| direction(x.shape(), generator)).collect();
    let analytic = dot(&gradients(f, xs, gys), &directions);
    let at = |step: f64| {
        let vars: Vec<Variable> = xs.iter().zip(&directions).map(|(x, d)| variable(&moved(x, d, step))).collect();
        dot(&values(&f(&vars)), gys)
    };
    compare("first order", analytic, (at(STEP) - at(-STEP)) / (2.0 * STEP), tolerance)
}

/// Checks second-order gradients: those of `sum(gx * v)` with respect to the inputs and the output gradients.
///
/// # Errors
/// Both derivatives along the direction, where they differ.
pub fn check_double_backward(
    f: Function<'_>,
    xs: &[HostArray],
    gys: &[ArrayD<f64>],
    generator: &mut Generator,
    tolerance: f64,
) -> Result<(), String> {
    let n = xs.len();
    let weights: Vec<_> = xs.iter().map(|x| direction(x.shape(), generator)).collect();
    // The function (x, gy) -> sum(gx * v).
    let first = |inputs: &[Variable]| {
        let (x, gy) = inputs.split_at(n);
        let ys = f(x);
        let pairs = ys.iter().zip(gy).filter(|(y, _)| y.requires_grad());
        let (outputs, seeds): (Vec<&Variable>, Vec<Option<Variable>>) =
            pairs.map(|(y, g)| (y, Some(g.clone()))).unzip();
        let wanted: Vec<&Variable> = x.iter().filter(|x| x.requires_grad()).collect();
        let options = Grad { grad_outputs: seeds, enable_double_backprop: true, ..Grad::default() };
        let gxs = grad(&outputs, &wanted, options);
        let weights = x.iter().zip(&weights).filter(|(x, _)| x.requires_grad()).map(|(_, w)| w);
        let terms = gxs.iter().zip(weights).filter_map(|(g, w)| {
            let w = Variable::constant(Tensor::from_host(HostArray::F64(w.clone()), &Device::cpu()).ok()?);
            g.as_ref().map(|g| F::sum(&(g * &w)))
        });
        let zero = Variable::constant(Tensor::scalar(0.0f64, &Device::cpu()));
        vec![terms.fold(zero, |a, b| a + b)]
    };
    let mut inputs = xs.to_vec();
    inputs.extend(gys.iter().cloned().map(HostArray::F64));
    let one = [ArrayD::from_elem(IxDyn(&[]), 1.0)];
    check_backward(&first, &inputs, &one, generator, tolerance).map_err(|e| e.replace("first order", "second order"))
}
