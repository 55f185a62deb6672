//! Every function of the registry on inputs that its cases do not have: nothing along an axis, scalars, other ranks,
//! lengths and dtypes. It computes, the same on every device, or says what it expected, at the caller's line.

use catena::{
    autograd::{Case, Grad, grad},
    functions,
    kernel::philox::Generator,
    prelude::*,
    tensor::HostArray,
    testing,
};
use ndarray::{ArrayD, Axis, IxDyn};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Where and with which words a call failed.
static SAID: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Listens to panics; one test at a time.
fn listen() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("no text").to_string();
        let file = info.location().map_or(String::new(), |l| l.file().to_string());
        *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, file));
    }));
    alone
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    /// No element along the first axis of every input that has one.
    Empty,
    /// No element along the last axis of every input.
    EmptyLast,
    /// One element without axes for every input.
    Scalars,
    /// An input with an axis more in front.
    Deeper(usize),
    /// An input without its first axis.
    Flatter(usize),
    /// An input with one element less along its last axis.
    Shorter(usize),
    /// An input of integers instead of reals.
    Integers(usize),
    /// An input of another float type.
    Wider(usize),
}

fn mapped(a: &HostArray, f: impl Fn(ArrayD<f64>) -> ArrayD<f64>) -> HostArray {
    match a {
        HostArray::I32(_) => HostArray::I32(f(a.to_f64()).mapv(|v| v as i32)),
        HostArray::Bool(_) => HostArray::Bool(f(a.to_f64()).mapv(|v| v != 0.0)),
        _ => HostArray::F32(f(a.to_f64()).mapv(|v| v as f32)),
    }
}

fn first(a: ArrayD<f64>, axis: usize, n: usize) -> ArrayD<f64> {
    if axis < a.ndim() { a.slice_axis(Axis(axis), (0..n.min(a.len_of(Axis(axis)))).into()).to_owned() } else { a }
}

/// The inputs with a change, or `None` where they do not allow it.
fn changed(xs: &[HostArray], change: Change) -> Option<Vec<HostArray>> {
    let scalar = |a: ArrayD<f64>| ArrayD::from_elem(IxDyn(&[]), a.first().copied().unwrap_or(1.0));
    let at = |k: usize, f: &dyn Fn(ArrayD<f64>) -> ArrayD<f64>| -> Vec<HostArray> {
        xs.iter().enumerate().map(|(i, a)| mapped(a, |v| if i == k { f(v) } else { v })).collect()
    };
    let ndim = |k: usize| xs[k].to_f64().ndim();
    Some(match change {
        Change::Empty => xs.iter().map(|a| mapped(a, |v| first(v, 0, 0))).collect(),
        Change::EmptyLast => xs
            .iter()
            .map(|a| {
                mapped(a, |v| {
                    let last = v.ndim().saturating_sub(1);
                    first(v, last, 0)
                })
            })
            .collect(),
        Change::Scalars => xs.iter().map(|a| mapped(a, scalar)).collect(),
        Change::Deeper(k) => at(k, &|v| v.insert_axis(Axis(0))),
        Change::Flatter(k) if ndim(k) > 0 && xs[k].to_f64().len_of(Axis(0)) > 0 => {
            at(k, &|v| v.index_axis(Axis(0), 0).to_owned())
        }
        Change::Shorter(k) if ndim(k) > 0 && xs[k].to_f64().len() > 1 => at(k, &|v| {
            let last = v.ndim() - 1;
            let n = v.len_of(Axis(last)) - 1;
            first(v, last, n)
        }),
        Change::Integers(k) if !matches!(xs[k], HostArray::I32(_) | HostArray::Bool(_)) => {
            let mut all = at(k, &|v| v);
            all[k] = HostArray::I32(xs[k].to_f64().mapv(|v| v as i32));
            all
        }
        Change::Wider(k) if !matches!(xs[k], HostArray::I32(_) | HostArray::Bool(_)) && xs.len() > 1 => {
            let mut all = at(k, &|v| v);
            all[k] = HostArray::F64(xs[k].to_f64());
            all
        }
        _ => return None,
    })
}

/// The inputs with their first row in the place of all others.
fn repeated(xs: &[HostArray]) -> Vec<HostArray> {
    let row = |v: ArrayD<f64>| match v.ndim() {
        0 => v,
        _ if v.is_empty() => v,
        _ => v.slice_axis(Axis(0), (0..1).into()).broadcast(v.raw_dim()).expect("a row repeats").to_owned(),
    };
    xs.iter().map(|a| mapped(a, row)).collect()
}

/// Results and gradients, or the words and the file of the panic; of views that repeat a row where `views`.
fn run(case: &Case, xs: &[HostArray], device: &Device, views: bool) -> Result<Vec<ArrayD<f64>>, (String, String)> {
    let call = || {
        let xs: Vec<Variable> = xs
            .iter()
            .map(|a| {
                let t =
                    Tensor::from_host(a.clone(), &Device::cpu()).expect("the CPU holds every dtype").to_device(device);
                let t = match t.ndim() {
                    _ if !views || t.size() == 0 => t,
                    0 => t,
                    _ => t.slice(&[(0..1).into()]).broadcast_to(t.shape()),
                };
                if t.dtype().is_float() { Variable::new(t) } else { Variable::constant(t) }
            })
            .collect();
        let ys = case.call(&xs);
        let outputs: Vec<&Variable> = ys.iter().filter(|y| y.requires_grad()).collect();
        let inputs: Vec<&Variable> = xs.iter().filter(|x| x.requires_grad()).collect();
        let seeds = outputs.iter().map(|y| Some(Variable::constant(y.data().full_like(0.5)))).collect();
        let gxs = if outputs.is_empty() || case.derivatives() == 0 {
            vec![]
        } else {
            grad(&outputs, &inputs, Grad { grad_outputs: seeds, ..Grad::default() })
        };
        for (x, gx) in inputs.iter().zip(&gxs) {
            if let Some(gx) = gx {
                assert_eq!(gx.shape(), x.shape(), "the shape of a gradient");
            }
        }
        let all = ys.iter().chain(gxs.iter().flatten());
        all.map(|v| v.data().to_f64().expect("values")).collect::<Vec<_>>()
    };
    panic::catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| SAID.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default())
}

/// Whether a function of that name, without the underscore of a keyword, is in the entry's file.
fn defines(group: &str, entry: &str, name: &str) -> bool {
    let path = format!("{}/src/functions/{group}/{entry}.rs", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    ["", "_"].iter().any(|end| text.contains(&format!("pub fn {name}{end}(")))
}

/// Cases that make more of their inputs than the call, which may be what fails.
const MORE: &[&str] = &[
    "batch_l2_norm_squared/norm",
    "cholesky",
    "cholesky/batch",
    "cholesky/large",
    "concat/of_a_product",
    "concat/of_expressions",
    "det",
    "det/batch",
    "dropout/of_expression",
    "dropout/reduced",
    "forget",
    "forget/overlapping",
    "forget/several",
    "forget/within",
    "inv",
    "inv/batch",
    "inv/large",
    "inv/one",
    "log_softmax/of_expression",
    "lstm/two_steps",
    "matmul/epilogue",
    "matmul/residual",
    "max/of_expression",
    "max_pooling_2d/of_expression",
    "maximum/mixed",
    "minimum/mixed",
    "softmax/of_expression",
    "space2depth/inverse",
    "spatial_transformer_sampler/of_grid",
    "sum/of_expression",
    "transpose_sequence/one_used",
    "upsampling_2d/of_pooled",
    "where_/comparison",
];

/// Cases of what only the library itself calls, which has no name for a user.
const INNER: &[&str] = &[
    "absolute/kink_gradient",
    "clip/ends_gradient",
    "clipped_relu/kinks_gradient",
    "cumprod/recurrence",
    "elu/kink_gradient",
    "hard_sigmoid/kinks_gradient",
    "leaky_relu/kink_gradient",
    "maximum/ties_gradient",
    "lstm/peephole",
    "lstm/peephole_cell_alone",
    "lstm/peephole_no_rows",
    "lstm/peephole_two_steps",
    "lstm/peephole_weights",
    "lstm/zoneout",
    "lstm/zoneout_output_alone",
    "n_step_gru/joined",
    "n_step_gru/joined_no_rows",
    "n_step_gru/joined_one_used",
    "n_step_gru/minimal",
    "n_step_gru/minimal_no_rows",
    "n_step_gru/minimal_two_steps",
    "n_step_gru/minimal_weights",
    "n_step_gru/minimal_weights_alike",
    "n_step_gru/minimal_weights_on_state",
    "n_step_gru/cell",
    "n_step_gru/reset_first",
    "n_step_gru/reset_first_no_rows",
    "n_step_gru/reset_first_two_steps",
    "prelu/kink_gradient",
    "tree_lstm/child_sum",
    "tree_lstm/child_sum_of_one",
];

/// Cases whose deviations are nothing but roundings where rows repeat, or of long rows that do not.
const CANCELLING: &[&str] = &["r2_score", "r2_score/each", "batch_normalization/long_rows"];

#[test]
fn every_function_computes_or_says_what_it_expected() {
    let _alone = listen();
    let devices = testing::devices();
    let (mut wrong, mut computed, mut told) = (vec![], 0, 0);
    for (group, entries) in functions::groups() {
        for entry in entries {
            for case in (entry.cases)() {
                let mut generator = Generator::new(11);
                let xs = testing::draw(&case, &mut generator);
                let n = xs.len();
                let mut changes = vec![Change::Empty, Change::EmptyLast, Change::Scalars];
                for k in 0..n.min(7) {
                    changes.extend([
                        Change::Deeper(k),
                        Change::Flatter(k),
                        Change::Shorter(k),
                        Change::Integers(k),
                        Change::Wider(k),
                    ]);
                }
                for change in changes {
                    let Some(xs) = changed(&xs, change) else { continue };
                    let what = format!("{} {change:?}", case.name());
                    match run(&case, &xs, &Device::cpu(), false) {
                        // What data say is told with the values.
                        Err((text, _)) if text.starts_with("values: IndexOutOfRange") => told += 1,
                        Err(_) if MORE.contains(&case.name()) || INNER.contains(&case.name()) => {}
                        Err((text, file)) => {
                            told += 1;
                            let complete = text.contains("performed in: ")
                                && text.contains("Expect: ")
                                && text.contains("Actual: ");
                            let name = text.split("performed in: ").nth(1).and_then(|t| t.split(' ').next());
                            let own = name.is_some_and(|n| defines(group, entry.name, n));
                            if !complete {
                                wrong.push(format!("{what}: says {text:?} at {file}"));
                            } else if !own {
                                wrong.push(format!("{what}: names {name:?}: {}", text.replace('\n', " ")));
                            } else if !file.contains(&format!("functions/{group}/")) {
                                wrong.push(format!("{what}: points at {file}"));
                            }
                        }
                        Ok(expected) => {
                            computed += 1;
                            let doubles = matches!(change, Change::Wider(_));
                            let cancels = CANCELLING.contains(&case.name());
                            for device in devices.iter().filter(|d| !d.is_cpu() && !doubles && !cancels) {
                                match run(&case, &xs, device, false) {
                                    Err((text, file)) => {
                                        wrong.push(format!("{what}: {device} says {text:?} at {file}"))
                                    }
                                    Ok(actual) => {
                                        for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
                                            let tolerance = case.allowed().max(1e-5) * 8.0;
                                            if let Err(e) =
                                                testing::close(&format!("{what}: value {i}"), a, e, tolerance)
                                            {
                                                wrong.push(format!("{device}: {e}"));
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{computed} calls computed, {told} told why not");
    let _ = panic::take_hook();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_function_takes_views_that_repeat_a_row() {
    let _alone = listen();
    let mut wrong = vec![];
    let groups = functions::groups();
    let cases = groups.iter().flat_map(|(_, entries)| entries.iter());
    for case in cases.flat_map(|entry| (entry.cases)()) {
        if CANCELLING.contains(&case.name()) {
            continue;
        }
        let mut generator = Generator::new(13);
        let xs = repeated(&testing::draw(&case, &mut generator));
        // What draws at random draws otherwise in each run.
        let Ok(expected) = run(&case, &xs, &Device::cpu(), false) else { continue };
        if run(&case, &xs, &Device::cpu(), false).ok().as_ref() != Some(&expected) {
            continue;
        }
        for device in testing::devices() {
            match run(&case, &xs, &device, true) {
                Err((text, file)) => wrong.push(format!("{}: {device} says {text:?} at {file}", case.name())),
                Ok(actual) => {
                    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
                        let what = format!("{}: {device}: value {i}", case.name());
                        if let Err(e) = testing::close(&what, a, e, case.allowed().max(1e-5) * 8.0) {
                            wrong.push(e);
                        }
                    }
                }
            }
        }
    }
    let _ = panic::take_hook();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
