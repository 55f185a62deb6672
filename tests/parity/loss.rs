use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, Reduce, SoftmaxCrossEntropy},
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
        _ => return None,
    };
    Some(vec![y])
}
