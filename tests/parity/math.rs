use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "add" => &xs["x0"] + &xs["x1"],
        "sub" => &xs["x0"] - &xs["x1"],
        "mul" => &xs["x0"] * &xs["x1"],
        "div" => &xs["x0"] / &xs["x1"],
        "neg" => -&xs["x"],
        "add_const" => &xs["x"] + case.f64("c"),
        "radd_const" => case.f64("c") + &xs["x"],
        "sub_const" => &xs["x"] - case.f64("c"),
        "rsub_const" => case.f64("c") - &xs["x"],
        "mul_const" => &xs["x"] * case.f64("c"),
        "div_const" => &xs["x"] / case.f64("c"),
        "rdiv_const" => case.f64("c") / &xs["x"],
        "average" => {
            let keepdims = case.attr("keepdims").as_bool().unwrap_or(false);
            F::average(&xs["x"], case.ints("axis").as_deref(), xs.get("w"), keepdims)
        }
        "max" => F::max_axes(&xs["x"], case.ints("axis").as_deref(), case.flag("keepdims")),
        "min" => F::min_axes(&xs["x"], case.ints("axis").as_deref(), case.flag("keepdims")),
        "argmax" => F::argmax(&xs["x"], case.ints("axis").map(|a| a[0])),
        "argmin" => F::argmin(&xs["x"], case.ints("axis").map(|a| a[0])),
        "batch_det" => F::batch_det(&xs["x"]),
        "batch_inv" => F::batch_inv(&xs["x"]),
        "batch_l2_norm_squared" => F::batch_l2_norm_squared(&xs["x"]),
        "cholesky" => F::cholesky(&xs["x"]),
        "cumprod" => F::cumprod(&xs["x"], case.ints("axis").map(|a| a[0])),
        "cumsum" => F::cumsum(&xs["x"], case.ints("axis").map(|a| a[0])),
        "det" => F::det(&xs["x"]),
        "inv" => F::inv(&xs["x"]),
        "logsumexp" => F::logsumexp_axes(&xs["x"], case.ints("axis").as_deref()),
        "normalize" => F::normalize(&xs["x"], case.f64("eps"), &case.ints("axis")?),
        "prod" => F::prod_axes(&xs["x"], case.ints("axis").as_deref(), case.flag("keepdims")),
        "sum" => F::sum_axes(&xs["x"], case.ints("axis").as_deref(), case.flag("keepdims")),
        "sum_to" => F::sum_to(&xs["x"], case.sizes("shape")?),
        _ => return None,
    };
    Some(vec![y])
}
