use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    device::Device,
    functions::{self as F, BatchNormalization, BatchRenormalization, RunningStatistics},
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let (x, gamma, beta) = (&xs["x"], xs.get("gamma"), xs.get("beta"));
    let options = || BatchNormalization {
        eps: case.f64("eps"),
        decay: case.attr("decay").as_f64().unwrap_or(0.9),
        axis: case.ints("axis"),
    };
    let running =
        || RunningStatistics { mean: xs["running_mean"].data().clone(), var: xs["running_var"].data().clone() };
    let moved = |y: Variable, r: RunningStatistics| vec![y, Variable::constant(r.mean), Variable::constant(r.var)];
    let y = match case.op.as_str() {
        "batch_normalization" => {
            let mut running = running();
            let y = F::batch_normalization_with(x, gamma?, beta?, &options(), Some(&mut running));
            return Some(moved(y, running));
        }
        "batch_renormalization" => {
            let mut running = running();
            let BatchNormalization { eps, decay, axis } = options();
            let options = BatchRenormalization { rmax: case.f64("rmax"), dmax: case.f64("dmax"), eps, decay, axis };
            let y = F::batch_renormalization(x, gamma?, beta?, &mut running, &options);
            return Some(moved(y, running));
        }
        "fixed_batch_normalization" => {
            F::fixed_batch_normalization_with(x, gamma?, beta?, &xs["mean"], &xs["var"], &options())
        }
        "layer_normalization" => F::layer_normalization(x, gamma?, beta?, case.f64("eps")),
        "group_normalization" => F::group_normalization(x, case.int("groups") as usize, gamma?, beta?, case.f64("eps")),
        _ => return None,
    };
    Some(vec![y])
}

/// The link over several steps.
pub fn run(_case: &Case, _device: &Device) -> Option<Result<(), String>> {
    None
}
