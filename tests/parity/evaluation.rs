use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "accuracy" => {
            let ignore = case.ints("ignore_label").map(|l| l[0] as i32);
            F::accuracy(&xs["y"], &xs["t"], ignore)
        }
        "binary_accuracy" => F::binary_accuracy(&xs["y"], &xs["t"]),
        "classification_summary" => {
            let s = F::classification_summary(&xs["y"], &xs["t"], case.f64("beta"), case.int("ignore_label") as i32);
            return Some(vec![s.precision, s.recall, s.fbeta, s.support]);
        }
        "r2_score" if case.text("multioutput") == "raw_values" => F::r2_score_each(&xs["pred"], &xs["true"]),
        "r2_score" => F::r2_score(&xs["pred"], &xs["true"]),
        _ => return None,
    };
    Some(vec![y])
}
