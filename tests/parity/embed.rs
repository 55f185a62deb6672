use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    match case.op.as_str() {
        "embed_id" => {
            let ignore = case.ints("ignore_label").map(|l| l[0] as i32);
            Some(vec![F::embed_id(&xs["x"], &xs["W"], ignore)])
        }
        _ => None,
    }
}
