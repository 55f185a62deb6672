use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, HingeNorm, Reduce, SoftmaxCrossEntropy},
};

fn reduce(case: &Case) -> Reduce {
    match case.text("reduce") {
        "mean" => Reduce::Mean,
        "no" => Reduce::No,
        _ => Reduce::Sum,
    }
}

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "softmax_cross_entropy" if case.attr("normalize").is_boolean() => {
            let options = SoftmaxCrossEntropy {
                normalize: case.flag("normalize"),
                ignore_label: case.int("ignore_label") as i32,
                reduce: reduce(case),
                class_weight: case.tensor("in/class_weight", xs["x"].device()),
            };
            F::softmax_cross_entropy_with(&xs["x"], &xs["t"], &options)
        }
        "sigmoid_cross_entropy" => {
            F::sigmoid_cross_entropy_with(&xs["x"], &xs["t"], case.flag("normalize"), reduce(case))
        }
        "mean_squared_error" => F::mean_squared_error(&xs["x0"], &xs["x1"]),
        "mean_absolute_error" => F::mean_absolute_error(&xs["x0"], &xs["x1"]),
        "squared_error" => F::squared_error(&xs["x0"], &xs["x1"]),
        "absolute_error" => F::absolute_error(&xs["x0"], &xs["x1"]),
        "huber_loss" => F::huber_loss(&xs["x0"], &xs["x1"], case.f64("delta")),
        "hinge" => {
            let norm = if case.text("norm") == "L1" { HingeNorm::L1 } else { HingeNorm::L2 };
            F::hinge_with(&xs["x"], &xs["t"], norm, reduce(case))
        }
        _ => return None,
    };
    Some(vec![y])
}
