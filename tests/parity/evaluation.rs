use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "accuracy" => {
            let ignore = case.ints("ignore_label").map(|l| l[0] as i32);
            F::accuracy(&xs["y"], &xs["t"], ignore)
        }
        "binary_accuracy" => F::binary_accuracy(&xs["y"], &xs["t"]),
        "classification_summary" | "precision" | "recall" | "f1_score" => return Some(summary(case, xs)),
        "r2_score" if case.attr("multioutput") == "raw_values" => F::r2_score_each(&xs["pred"], &xs["true"]),
        "r2_score" => F::r2_score(&xs["pred"], &xs["true"]),
        _ => return None,
    };
    Some(vec![y])
}

fn summary(case: &Case, xs: &Inputs) -> Vec<Variable> {
    let (y, t) = (&xs["y"], &xs["t"]);
    // Without a number of labels, Chainer takes that of those that are there.
    let largest = || t.data().to_vec::<i32>().expect("labels").into_iter().max().unwrap_or(-1) as isize + 1;
    let labels = case.ints("label_num").map_or_else(largest, |n| n[0]) as usize;
    let s =
        F::classification_summary_of(y, t, labels, case.f64_or("beta", 1.0), case.int_or("ignore_label", -1) as i32);
    match case.op.as_str() {
        "precision" => vec![s.precision, s.support],
        "recall" => vec![s.recall, s.support],
        "f1_score" => vec![s.fbeta, s.support],
        _ => vec![s.precision, s.recall, s.fbeta, s.support],
    }
}
