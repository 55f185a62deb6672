use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let x = xs.only();
    let y = match case.op.as_str() {
        "clipped_relu" => F::clipped_relu_with(x, case.f64_or("z", 20.0)),
        "crelu" => F::crelu_axis(x, case.int_or("axis", 1)),
        "elu" => F::elu_with(x, case.f64_or("alpha", 1.0)),
        "hard_sigmoid" => F::hard_sigmoid(x),
        "leaky_relu" => F::leaky_relu_with(x, case.f64_or("slope", 0.2)),
        "log_softmax" => F::log_softmax_axis(x, case.int_or("axis", 1)),
        "maxout" => F::maxout_axis(x, case.int("pool_size") as usize, case.int_or("axis", 1)),
        "prelu" => F::prelu(x, &xs["W"]),
        "relu" => F::relu(x),
        "relu6" => F::relu6(x),
        "rrelu" => match xs.get("r") {
            Some(r) => F::rrelu_with_slopes(x, r.data()),
            None => F::rrelu_with(x, case.f64_or("l", 1.0 / 8.0), case.f64_or("u", 1.0 / 3.0)),
        },
        "selu" if case.has("alpha") || case.has("scale") => F::selu_with(
            x,
            case.f64_or("alpha", 1.673_263_242_354_377_2),
            case.f64_or("scale", 1.050_700_987_355_480_5),
        ),
        "selu" => F::selu(x),
        "sigmoid" => F::sigmoid(x),
        "softmax" => F::softmax_axis(x, case.int_or("axis", 1)),
        "softplus" => F::softplus_with(x, case.f64_or("beta", 1.0)),
        "swish" => F::swish(x, &xs["beta"]),
        "tanh" => F::tanh(x),
        _ => return None,
    };
    Some(vec![y])
}
