use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let x = &xs["x"];
    let y = match case.op.as_str() {
        "clipped_relu" => F::clipped_relu_with(x, case.f64("z")),
        "crelu" => F::crelu_axis(x, case.int("axis")),
        "elu" => F::elu_with(x, case.f64("alpha")),
        "hard_sigmoid" => F::hard_sigmoid(x),
        "leaky_relu" => F::leaky_relu_with(x, case.f64("slope")),
        "log_softmax" => F::log_softmax_axis(x, case.int("axis")),
        "maxout" => F::maxout_axis(x, case.int("pool_size") as usize, case.int("axis")),
        "prelu" => F::prelu(x, &xs["W"]),
        "relu" => F::relu(x),
        "relu6" => F::relu6(x),
        "rrelu" => match xs.get("r") {
            Some(r) => F::rrelu_with_slopes(x, r.data()),
            None => F::rrelu_with(x, case.f64("l"), case.f64("u")),
        },
        "selu" => F::selu(x),
        "sigmoid" => F::sigmoid(x),
        "softmax" => F::softmax_axis(x, case.int("axis")),
        "softplus" => F::softplus_with(x, case.f64("beta")),
        "swish" => F::swish(x, &xs["beta"]),
        "tanh" => F::tanh(x),
        _ => return None,
    };
    Some(vec![y])
}
