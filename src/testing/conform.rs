//! One sweep for every case: f64 derivatives against finite differences, every device against the f64 values.

use super::{
    close,
    gradient::{check_backward, check_double_backward},
};
use crate::{
    autograd::{Case, Grad, Input, Variable, grad},
    device::Device,
    functions as F,
    kernel::philox::Generator,
    shape::{DType, Slice},
    tensor::{HostArray, Tensor},
};
use ndarray::{ArrayD, IxDyn};

/// How the inputs of a case lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Row-major and whole.
    Contiguous,
    /// Every second element of a larger array, with the axes reversed in memory.
    Strided,
}

/// Results of a case on one device.
#[derive(Debug)]
pub struct Outcome {
    /// Outputs.
    pub outputs: Vec<ArrayD<f64>>,
    /// First-order gradients of the inputs.
    pub first: Vec<Option<ArrayD<f64>>>,
    /// Gradients of `sum(gx * gx)` with respect to the inputs.
    pub second: Vec<Option<ArrayD<f64>>>,
}

/// Devices to check against the f64 values: the CPU and, if there is one, a GPU or a software adapter.
///
/// `CATENA_DEVICE` chooses another than the first GPU.
pub fn devices() -> Vec<Device> {
    let wanted = std::env::var("CATENA_DEVICE").unwrap_or_default();
    let names = if wanted.is_empty() { vec!["gpu".to_string(), "software".to_string()] } else { vec![wanted] };
    let gpu = names.iter().find_map(|n| Device::named(n).ok()).filter(|d| !d.is_cpu());
    std::iter::once(Device::cpu()).chain(gpu).collect()
}

/// The inputs of a case.
pub fn draw(case: &Case, generator: &mut Generator) -> Vec<HostArray> {
    let one = |input: &Input, generator: &mut Generator| match input {
        Input::Exact(a) => match a {
            HostArray::F32(a) => HostArray::F64(a.mapv(f64::from)),
            other => other.clone(),
        },
        Input::Integers { shape, low, high } => {
            HostArray::I32(ArrayD::from_shape_simple_fn(IxDyn(shape), || generator.randint(*low, *high)))
        }
        Input::Uniform { shape, low, high, avoid } => {
            HostArray::F64(ArrayD::from_shape_simple_fn(IxDyn(shape), || {
                loop {
                    // Singles hold it exactly, so that every device starts from the same number.
                    let v = f64::from((low + (high - low) * f64::from(generator.uniform())) as f32);
                    if avoid.iter().all(|a| (v - a).abs() > 0.05) {
                        break v;
                    }
                }
            }))
        }
    };
    case.inputs().iter().map(|i| one(i, generator)).collect()
}

fn place(a: &HostArray, device: &Device, dtype: DType, layout: Layout) -> Tensor {
    let host = match (a, dtype) {
        (HostArray::F64(a), DType::F32) => HostArray::F32(a.mapv(|v| v as f32)),
        (other, _) => other.clone(),
    };
    let t = Tensor::from_host(host, device).expect("the device holds the dtypes of the cases");
    if layout == Layout::Contiguous || t.ndim() == 0 {
        return t;
    }
    // Lay it out with reversed axes, each element followed by a foreign one.
    let reversed = t.transpose(None);
    let foreign = reversed.full_like(77.0).cast(reversed.dtype());
    let wide = Tensor::concat(&[&reversed.expand_dims(-1), &foreign.expand_dims(-1)], -1);
    let mut index = vec![Slice::ALL; t.ndim()];
    index.push(Slice::Index(0));
    wide.slice(&index).transpose(None)
}

fn gys_of(case: &Case, xs: &[HostArray], generator: &mut Generator) -> Vec<ArrayD<f64>> {
    let vars: Vec<Variable> =
        xs.iter().map(|x| variable(place(x, &Device::cpu(), DType::F64, Layout::Contiguous))).collect();
    let ys = case.call(&vars);
    let draw =
        |y: &Variable| ArrayD::from_shape_simple_fn(IxDyn(y.shape()), || f64::from(2.0 * generator.uniform() - 1.0));
    ys.iter().map(draw).collect()
}

fn variable(t: Tensor) -> Variable {
    if t.dtype().is_float() { Variable::new(t) } else { Variable::constant(t) }
}

/// Runs a case on a device.
///
/// # Errors
/// Whatever the device reports.
pub fn evaluate(
    case: &Case,
    xs: &[HostArray],
    gys: &[ArrayD<f64>],
    device: &Device,
    dtype: DType,
    layout: Layout,
) -> Result<Outcome, String> {
    let vars: Vec<Variable> = xs.iter().map(|x| variable(place(x, device, dtype, layout))).collect();
    let ys = case.call(&vars);
    let host = |v: &Variable| v.data().to_f64().map_err(|e| e.to_string());
    let outputs = ys.iter().map(host).collect::<Result<_, _>>()?;
    let mut outcome = Outcome { outputs, first: vec![], second: vec![] };
    let pairs: Vec<_> = ys.iter().zip(gys).filter(|(y, _)| y.requires_grad()).collect();
    if case.derivatives() == 0 || pairs.is_empty() {
        return Ok(outcome);
    }
    let inputs: Vec<&Variable> = vars.iter().collect();
    let outputs: Vec<&Variable> = pairs.iter().map(|(y, _)| *y).collect();
    let seeds = pairs
        .iter()
        .map(|(_, g)| Some(Variable::constant(place(&HostArray::F64((*g).clone()), device, dtype, Layout::Contiguous))))
        .collect();
    let double = case.derivatives() > 1;
    let gxs = grad(&outputs, &inputs, Grad { grad_outputs: seeds, enable_double_backprop: double, ..Grad::default() });
    outcome.first = gxs.iter().map(|g| g.as_ref().map(host).transpose()).collect::<Result<_, _>>()?;
    if double {
        let squares = gxs.iter().flatten().filter(|g| g.requires_grad()).map(|g| F::sum(&(g * g)));
        if let Some(total) = squares.reduce(|a, b| a + b) {
            let second = grad(&[&total], &inputs, Grad::default());
            outcome.second = second.iter().map(|g| g.as_ref().map(host).transpose()).collect::<Result<_, _>>()?;
        }
    }
    Ok(outcome)
}

/// Checks a case: derivatives in f64 on the CPU, then f32 on every device in both layouts against those values.
///
/// # Errors
/// Every difference found, one a line.
pub fn conform(case: &Case, devices: &[Device]) -> Result<(), String> {
    let mut generator =
        Generator::new(case.name().bytes().fold(7u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))));
    let xs = draw(case, &mut generator);
    let gys = gys_of(case, &xs, &mut generator);
    let mut errors = vec![];
    let mut note = |r: Result<(), String>| {
        if let Err(e) = r {
            errors.push(format!("{}: {e}", case.name()));
        }
    };
    let f = |x: &[Variable]| case.call(x);
    if case.derivatives() > 0 {
        note(check_backward(&f, &xs, &gys, &mut generator, 1e-6));
    }
    if case.derivatives() > 1 {
        note(check_double_backward(&f, &xs, &gys, &mut generator, 1e-5));
    }
    let expected = evaluate(case, &xs, &gys, &Device::cpu(), DType::F64, Layout::Contiguous)?;
    for device in devices {
        for layout in [Layout::Contiguous, Layout::Strided] {
            let what = format!("{device}, {layout:?}");
            match evaluate(case, &xs, &gys, device, DType::F32, layout) {
                Err(e) => note(Err(format!("{what}: {e}"))),
                Ok(actual) => note(agree(&what, &actual, &expected, case.allowed())),
            }
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

fn agree(what: &str, actual: &Outcome, expected: &Outcome, tolerance: f64) -> Result<(), String> {
    for (i, (a, e)) in actual.outputs.iter().zip(&expected.outputs).enumerate() {
        close(&format!("{what}: output {i}"), a, e, tolerance)?;
    }
    // Each derivative adds roundings of its own.
    let orders = [
        ("gradient", &actual.first, &expected.first, 4.0),
        ("second gradient", &actual.second, &expected.second, 40.0),
    ];
    for (name, actual, expected, looser) in orders {
        for (i, pair) in actual.iter().zip(expected).enumerate() {
            match pair {
                (Some(a), Some(e)) => close(&format!("{what}: {name} {i}"), a, e, tolerance * looser)?,
                (None, None) => {}
                (a, _) => {
                    let (has, wants) = if a.is_some() { ("there", "none") } else { ("missing", "one") };
                    return Err(format!("{what}: {name} {i} is {has}, expected {wants}"));
                }
            }
        }
    }
    Ok(())
}
