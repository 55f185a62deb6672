use super::{
    check::close_values,
    fixture::{Case, Inputs},
};
use catena::{
    autograd::test_mode,
    functions::{
        BatchNormalization, BatchRenormalization, DecorrelatedBatchNormalization, LocalResponseNormalization,
        RunningStatistics,
    },
    prelude::*,
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let (x, gamma, beta) = (xs.only(), xs.get("gamma"), xs.get("beta"));
    let options = || BatchNormalization {
        eps: case.f64_or("eps", 2e-5),
        decay: case.f64_or("decay", 0.9),
        axis: case.ints("axis"),
    };
    let running =
        || RunningStatistics { mean: xs["running_mean"].data().clone(), var: xs["running_var"].data().clone() };
    let moved = |y: Variable, r: RunningStatistics| vec![y, Variable::constant(r.mean), Variable::constant(r.var)];
    let y = match case.op.as_str() {
        "batch_normalization" if xs.get("running_mean").is_none() => {
            F::batch_normalization_with(x, gamma?, beta?, &options(), None)
        }
        "batch_normalization" => {
            let mut running = running();
            let y = F::batch_normalization_with(x, gamma?, beta?, &options(), Some(&mut running));
            return Some(moved(y, running));
        }
        "batch_renormalization" => {
            let mut running = running();
            let BatchNormalization { eps, decay, axis } = options();
            let options = BatchRenormalization { rmax: case.f64("rmax"), dmax: case.f64("dmax"), eps, decay, axis };
            let before = running.clone();
            let y = F::batch_renormalization(x, gamma?, beta?, &mut running, &options);
            // Where Chainer does not move them, the caller here keeps the old ones.
            let after = if case.flag_or("update_statistics", true) { running } else { before };
            return Some(moved(y, after));
        }
        "fixed_batch_normalization" => {
            F::fixed_batch_normalization_with(x, gamma?, beta?, &xs["mean"], &xs["var"], &options())
        }
        "fixed_batch_renormalization" => {
            let options = BatchRenormalization { eps: case.f64_or("eps", 2e-5), ..BatchRenormalization::default() };
            F::fixed_batch_renormalization(x, gamma?, beta?, &xs["mean"], &xs["var"], &options)
        }
        "decorrelated_batch_normalization" => {
            let eps = case.f64_or("eps", 2e-5);
            let options =
                DecorrelatedBatchNormalization { groups: case.int_or("groups", 16) as usize, eps, decay: 0.9 };
            F::decorrelated_batch_normalization(x, &options, None)
        }
        "fixed_decorrelated_batch_normalization" => {
            F::fixed_decorrelated_batch_normalization(x, &xs["mean"], &xs["projection"])
        }
        "layer_normalization" => F::layer_normalization(x, gamma?, beta?, case.f64_or("eps", 1e-5)),
        "group_normalization" => {
            F::group_normalization(x, case.int("groups") as usize, gamma?, beta?, case.f64_or("eps", 1e-5))
        }
        "local_response_normalization" => {
            let (n, k) = (case.int_or("n", 5) as usize, case.f64_or("k", 2.0));
            let (alpha, beta) = (case.f64_or("alpha", 1e-4), case.f64_or("beta", 0.75));
            let options = LocalResponseNormalization { n, k, alpha, beta };
            F::local_response_normalization_with(x, &options)
        }
        _ => return None,
    };
    Some(vec![y])
}

/// The link over several steps: training, its running statistics after each, and evaluation.
pub fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    if case.op != "L.BatchNormalization" {
        return None;
    }
    Some(steps(case, device))
}

fn steps(case: &Case, device: &Device) -> Result<(), String> {
    let options = BatchNormalization { eps: case.f64("eps"), decay: case.f64("decay"), axis: None };
    let link = L::BatchNormalization::with(case.int("size") as usize, options).to_device(device);
    let tensor = |path: &str| case.tensor(path, device).unwrap_or_else(|| panic!("{path} is missing"));
    link.gamma.as_ref().expect("by default").set_data(tensor("in/gamma"));
    link.beta.as_ref().expect("by default").set_data(tensor("in/beta"));
    let compare = |path: &str, actual: &Tensor| {
        let expected = case.values(path).ok_or(format!("{path} is missing"))?;
        let actual = actual.to_f64().map_err(|e| e.to_string())?;
        close_values(path, &actual, &expected, case.tolerance("fwd", device))
    };
    for i in 0..4 {
        let x = Variable::constant(tensor(&format!("in/x{i}")));
        let y = if case.flag("finetune") { link.finetune(&x) } else { link.forward(&x) };
        compare(&format!("out/y{i}"), y.data())?;
        compare(&format!("state/avg_mean{i}"), &link.avg_mean.data())?;
        compare(&format!("state/avg_var{i}"), &link.avg_var.data())?;
    }
    let count = link.N.data().item().map_err(|e| e.to_string())?;
    if count != case.f64("final_N") {
        return Err(format!("N is {count}"));
    }
    let _scope = test_mode();
    compare("out/y_test", link.forward(&Variable::constant(tensor("in/x_test"))).data())
}
