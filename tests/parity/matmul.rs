use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let (a, b) = (&xs["a"], &xs["b"]);
    let y = match case.op.as_str() {
        "matmul" => F::matmul_transposed(a, b, case.flag("transa"), case.flag("transb")),
        "batch_matmul" => F::batch_matmul(a, b, case.flag("transa"), case.flag("transb")),
        "einsum" => F::einsum(case.text("subscripts"), &[a, b]),
        "tensordot" => match case.attr("axes").as_array() {
            None => F::tensordot(a, b, case.int("axes") as usize),
            Some(pair) => {
                let axes = |i: usize| -> Vec<isize> {
                    let list = pair[i].as_array().expect("a list of axes");
                    list.iter().filter_map(|v| v.as_i64()).map(|v| v as isize).collect()
                };
                F::tensordot_axes(a, b, &axes(0), &axes(1))
            }
        },
        _ => return None,
    };
    Some(vec![y])
}
