use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "linear" => F::linear_axes(&xs["x"], &xs["W"], xs.get("b"), case.int_or("n_batch_axes", 1) as usize),
        "bilinear" => {
            let linear = xs.get("V1").map(|v1| (v1, &xs["V2"], &xs["b"]));
            F::bilinear(&xs["e1"], &xs["e2"], &xs["W"], linear)
        }
        _ => return None,
    };
    Some(vec![y])
}
