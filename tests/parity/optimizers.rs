use super::{
    check::close_values,
    fixture::{Case, Tolerance},
};
use catena::{
    optimizers::{
        AdaDelta, AdaGrad, Adam, CorrectedMomentumSGD, GradientClipping, GradientHardClipping, GradientLARS, Lasso,
        MSVAG, MomentumSGD, NesterovAG, Optimizer, RMSprop, RMSpropGraves, Rule, SMORMS3, Sgd, WeightDecay,
    },
    prelude::*,
};
use ndarray::{ArrayD, Axis, stack};
use serde_json::Value;

chain! {
    struct Pair {
        W: Parameter,
        b: Parameter,
    }
}

/// Ten steps from the group's common start with its common gradients; values after each, states after the last.
pub fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    let f = |name: &str| case.f64(name);
    Some(match case.op.as_str() {
        "SGD" => steps(case, device, Sgd::new(f("lr"))),
        "MomentumSGD" => steps(case, device, MomentumSGD { lr: f("lr"), momentum: f("momentum") }),
        "CorrectedMomentumSGD" => steps(case, device, CorrectedMomentumSGD { lr: f("lr"), momentum: f("momentum") }),
        "NesterovAG" => steps(case, device, NesterovAG { lr: f("lr"), momentum: f("momentum") }),
        "AdaGrad" => steps(case, device, AdaGrad { lr: f("lr"), eps: f("eps") }),
        "AdaDelta" => steps(case, device, AdaDelta { rho: f("rho"), eps: f("eps") }),
        "RMSprop" => {
            let eps_inside_sqrt = case.flag("eps_inside_sqrt");
            steps(case, device, RMSprop { lr: f("lr"), alpha: f("alpha"), eps: f("eps"), eps_inside_sqrt })
        }
        "RMSpropGraves" => {
            let rule = RMSpropGraves { lr: f("lr"), alpha: f("alpha"), momentum: f("momentum"), eps: f("eps") };
            steps(case, device, rule)
        }
        "SMORMS3" => steps(case, device, SMORMS3 { lr: f("lr"), eps: f("eps") }),
        "MSVAG" => {
            let weight_decay_rate = f("weight_decay_rate");
            steps(case, device, MSVAG { lr: f("lr"), beta: f("beta"), eta: f("eta"), weight_decay_rate })
        }
        "Adam" | "AdamW" | "AMSGrad" | "AdaBound" | "AMSBound" => {
            let mut rule = match (case.flag("amsgrad"), case.flag("adabound")) {
                (false, false) => Adam::new(f("alpha")),
                (true, false) => Adam::ams_grad(f("alpha")),
                (false, true) => Adam::ada_bound(f("alpha"), f("final_lr")),
                (true, true) => Adam::ams_bound(f("alpha"), f("final_lr")),
            };
            (rule.beta1, rule.beta2, rule.eps) = (f("beta1"), f("beta2"), f("eps"));
            (rule.eta, rule.weight_decay_rate, rule.gamma) = (f("eta"), f("weight_decay_rate"), f("gamma"));
            steps(case, device, rule)
        }
        _ => return None,
    })
}

fn add_hooks<R: Rule>(case: &Case, optimizer: &mut Optimizer<R>) -> Result<(), String> {
    for hook in case.entry["hooks"].as_array().into_iter().flatten() {
        let number = |name: &str| hook[1][name].as_f64().expect("a number");
        match hook[0].as_str() {
            Some("WeightDecay") => optimizer.add_hook(WeightDecay(number("rate"))),
            Some("Lasso") => optimizer.add_hook(Lasso(number("rate"))),
            Some("GradientClipping") => optimizer.add_hook(GradientClipping(number("threshold"))),
            Some("GradientHardClipping") => {
                optimizer.add_hook(GradientHardClipping { low: number("lower_bound"), high: number("upper_bound") })
            }
            Some("GradientLARS") => {
                let (threshold, weight_decay, eps) = (number("threshold"), number("weight_decay"), number("eps"));
                optimizer.add_hook(GradientLARS { threshold, weight_decay, eps })
            }
            other => return Err(format!("no hook {other:?}")),
        };
    }
    Ok(())
}

/// Where all runs start, and the gradients of their steps: as stored, or else solved from two runs whose first step is
/// linear in the gradient, `w1 = w0 - 0.01 * g0` with momentum and `w1 = w0 - 0.1 * g0` without, and the steps after it.
fn start(case: &Case, name: &str) -> Option<(ArrayD<f64>, ArrayD<f64>)> {
    let stored = |path: &str| case.shared(path).map(|a| a.to_f64());
    if let (Some(w), Some(g)) = (stored(&format!("common/in/{name}0")), stored(&format!("common/in/g{name}"))) {
        return Some((w, g));
    }
    let slow = stored(&format!("MomentumSGD/out/{name}"))?;
    let fast = stored(&format!("SGD+GradientClipping_noop/out/{name}"))?;
    let at = |a: &ArrayD<f64>, k: usize| a.index_axis(Axis(0), k).to_owned();
    let first = (at(&slow, 0) - at(&fast, 0)) / 0.09;
    let w = at(&slow, 0) + &first * 0.01;
    let mut gradients = vec![first];
    gradients.extend((1..fast.shape()[0]).map(|k| (at(&fast, k - 1) - at(&fast, k)) / 0.1));
    let mut g = stack(Axis(0), &gradients.iter().map(|g| g.view()).collect::<Vec<_>>()).ok()?;
    // Elements that are exactly zero came back as roundings of the stored singles.
    g.mapv_inplace(|v| if v.abs() < 2e-6 { 0.0 } else { v });
    Some((w, g))
}

fn steps(case: &Case, device: &Device, rule: impl Rule) -> Result<(), String> {
    let common: Vec<Tensor> = ["W", "b"]
        .iter()
        .map(|name| start(case, name).ok_or(format!("no start for {name}")))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flat_map(|(w, g)| [w, g])
        .map(|a| Tensor::from_host(a.mapv(|v| v as f32), device).map_err(|e| e.to_string()))
        .collect::<Result<_, _>>()?;
    let shared = |name: &str| -> Result<Tensor, String> {
        let at = ["W0", "gW", "b0", "gb"].iter().position(|n| *n == name).ok_or("no such array")?;
        Ok(common[at].clone())
    };
    let model = Pair { W: Parameter::from_tensor(shared("W0")?), b: Parameter::from_tensor(shared("b0")?) };
    let mut optimizer = rule.setup(&model);
    add_hooks(case, &mut optimizer)?;
    let (gw, gb) = (shared("gW")?, shared("gb")?);
    let tolerance: Tolerance = case.tolerance("fwd", device);
    let wanted = |path: &str| case.values(path).ok_or(format!("{path} is missing"));
    let (w, b) = (wanted("out/W")?, wanted("out/b")?);
    for k in 0..case.entry["steps"].as_u64().expect("a number of steps") as usize {
        let at = [Slice::from(k)];
        model.W.set_grad(Some(gw.slice(&at)));
        model.b.set_grad(Some(gb.slice(&at)));
        optimizer.update();
        for (name, parameter, expected) in [("W", &model.W, &w), ("b", &model.b, &b)] {
            let actual = parameter.data().to_f64().map_err(|e| e.to_string())?;
            let expected = expected.index_axis(ndarray::Axis(0), k).to_owned();
            close_values(&format!("{name} after update {}", k + 1), &actual, &expected, tolerance)?;
        }
    }
    let states = case.entry["states"].as_object();
    for (parameter, names) in states.into_iter().flatten() {
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let state = optimizer.state(&format!("/{parameter}"), name).ok_or(format!("no state {name}"))?;
            let actual = state.to_f64().map_err(|e| e.to_string())?;
            close_values(
                &format!("state {parameter}.{name}"),
                &actual,
                &wanted(&format!("state/{parameter}.{name}"))?,
                tolerance,
            )?;
        }
    }
    Ok(())
}
