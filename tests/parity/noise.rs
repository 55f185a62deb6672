use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let ratio = || case.f64_or("ratio", 0.5);
    let y = match case.op.as_str() {
        "simplified_dropconnect" if xs.get("mask").is_none() => {
            F::simplified_dropconnect(&xs["x"], &xs["W"], xs.get("b"), ratio())
        }
        "dropout" => match xs.get("mask") {
            Some(mask) => F::dropout_with_mask(&xs["x"], mask.data()),
            None => F::dropout(&xs["x"], ratio()),
        },
        "gaussian" => F::gaussian_with_eps(&xs["mean"], &xs["ln_var"], xs["eps"].data()),
        "simplified_dropconnect" => {
            F::simplified_dropconnect_with_mask(&xs["x"], &xs["W"], xs.get("b"), ratio(), xs["mask"].data())
        }
        "zoneout" => F::zoneout(&xs["h"], &xs["x"], ratio()),
        _ => return None,
    };
    Some(vec![y])
}
