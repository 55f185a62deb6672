//! A call's values, gradients, and gradients of gradients.

use super::{
    call,
    fixture::{Case, Tolerance},
};
use catena::{
    autograd::{Grad, Variable, grad, using_config},
    device::Device,
    functions as F,
};
use ndarray::ArrayD;

/// Cases whose second derivative Chainer gives in part: it leaves out what comes through `x` and `W`.
const HALF_DIFFERENTIATED: &[&str] = &["conv2d/local_convolution_2d"];

/// Calls a case's function and compares everything stored of it; `None` where catena has no such function.
pub fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    let train = case.entry["config"]["train"].as_bool().unwrap_or(true);
    let _scope = using_config(|c| c.train = train);
    let xs = case.inputs(device);
    let ys = call(case, &xs)?;
    Some(compare(case, device, &|name| xs[name].clone(), &ys))
}

/// Compares results with everything stored of a case, whose inputs `x` gives by name.
pub fn compare(case: &Case, device: &Device, x: &dyn Fn(&str) -> Variable, ys: &[Variable]) -> Result<(), String> {
    let names = case.outputs();
    if names.len() != ys.len() {
        return Err(format!("{} outputs, expected {names:?}", ys.len()));
    }
    for (name, y) in names.iter().zip(ys) {
        let expected = case.values(&format!("out/{name}")).expect("outputs are stored");
        close(&format!("output {name}"), y, &expected, case.tolerance("fwd", device))?;
    }
    let wanted = case.names("grads");
    if wanted.is_empty() {
        return Ok(());
    }
    // Outputs with an upstream gradient; without any, that of the only output is 1.
    let mut outputs: Vec<&Variable> = vec![];
    let mut seeds: Vec<Option<Variable>> = vec![];
    let mut seeded: Vec<&str> = vec![];
    for (name, y) in names.iter().zip(ys).filter(|(_, y)| y.requires_grad()) {
        match case.tensor(&format!("gy/{name}"), device) {
            Some(gy) => {
                outputs.push(y);
                seeds.push(Some(Variable::new(gy)));
                seeded.push(name);
            }
            None if ys.len() == 1 => {
                outputs.push(y);
                seeds.push(None);
            }
            None => {}
        }
    }
    let inputs: Vec<Variable> = wanted.iter().map(|name| x(name)).collect();
    let inputs: Vec<&Variable> = inputs.iter().collect();
    let directions: Vec<(usize, Variable)> = wanted
        .iter()
        .enumerate()
        .filter_map(|(i, n)| Some((i, Variable::constant(case.tensor(&format!("ggx/{n}"), device)?))))
        .collect();
    let double = !directions.is_empty();
    let options = Grad { grad_outputs: seeds.clone(), enable_double_backprop: double, ..Grad::default() };
    let gxs = grad(&outputs, &inputs, options);
    for (name, gx) in wanted.iter().zip(&gxs) {
        let expected = case.values(&format!("gx/{name}")).expect("gradients are stored");
        present(&format!("gradient of {name}"), gx.as_ref(), &expected, case.tolerance("bwd", device))?;
    }
    if !double || HALF_DIFFERENTIATED.contains(&case.name.as_str()) {
        return Ok(());
    }
    let terms = directions.iter().filter_map(|(i, ggx)| gxs[*i].as_ref().map(|gx| F::sum(&(gx * ggx))));
    let Some(total) = terms.reduce(|a, b| a + b).filter(Variable::requires_grad) else {
        // Gradients that depend on nothing.
        let none = wanted.iter().filter_map(|n| case.values(&format!("dd/{n}")));
        let zero = none.flatten().all(|v| v == 0.0);
        return if zero { Ok(()) } else { Err("no gradient to differentiate".to_string()) };
    };
    let gys: Vec<&Variable> = seeds.iter().flatten().collect();
    let again: Vec<&Variable> = inputs.iter().copied().chain(gys).collect();
    let second = grad(&[&total], &again, Grad::default());
    let tolerance = case.tolerance("dd", device);
    let paths = wanted.iter().map(|n| format!("dd/{n}")).chain(seeded.iter().map(|n| format!("ddgy/{n}")));
    for (path, value) in paths.zip(&second) {
        if let Some(expected) = case.values(&path) {
            present(&path, value.as_ref(), &expected, tolerance)?;
        }
    }
    Ok(())
}

/// A gradient that is not there is zero.
fn present(what: &str, v: Option<&Variable>, expected: &ArrayD<f64>, tolerance: Tolerance) -> Result<(), String> {
    match v {
        Some(v) => close(what, v, expected, tolerance),
        None if expected.iter().all(|&e| e == 0.0) => Ok(()),
        None => Err(format!("{what} is not there")),
    }
}

/// The first value that is off by more than the tolerance.
pub fn close(what: &str, actual: &Variable, expected: &ArrayD<f64>, t: Tolerance) -> Result<(), String> {
    let actual = actual.data().to_f64().map_err(|e| e.to_string())?;
    close_values(what, &actual, expected, t)
}

/// As [`close`], for values on the host.
pub fn close_values(what: &str, actual: &ArrayD<f64>, expected: &ArrayD<f64>, t: Tolerance) -> Result<(), String> {
    if actual.shape() != expected.shape() {
        return Err(format!("{what}: shape {:?}, expected {:?}", actual.shape(), expected.shape()));
    }
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = a == e || (a.is_nan() && e.is_nan()) || (a - e).abs() <= t.atol + t.rtol * e.abs();
        if !same {
            return Err(format!("{what}: element {i} is {a}, expected {e}"));
        }
    }
    Ok(())
}
