use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, CooMatrix},
    tensor::Tensor,
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let (transa, transb) = (case.flag_or("transa", false), case.flag_or("transb", false));
    let y = match case.op.as_str() {
        "matmul" => F::matmul_transposed(xs.two().0, xs.two().1, transa, transb),
        "batch_matmul" => F::batch_matmul(xs.two().0, xs.two().1, transa, transb),
        "einsum" => F::einsum(case.text("subscripts"), &xs.all().iter().collect::<Vec<_>>()),
        "sparse_matmul" => {
            let a = sparse(xs.two().0);
            let a = if transa { a.transpose() } else { a };
            let b = xs.two().1;
            F::sparse_matmul(&a, &if transb { F::transpose(b, None) } else { b.clone() })
        }
        "tensordot" => tensordot(case, xs.two().0, xs.two().1),
        _ => return None,
    };
    Some(vec![y])
}

/// The elements of a matrix that are not zero.
fn sparse(a: &Variable) -> CooMatrix {
    let at = a.data().nonzero().expect("values");
    let side = |i: usize| Variable::constant(at.slice(&[catena::shape::Slice::ALL, i.into()]));
    let values = a.data().to_f64().expect("values");
    let kept: Vec<f32> = values.iter().filter(|v| **v != 0.0).map(|v| *v as f32).collect();
    let data = Variable::constant(Tensor::from_slice(&kept, [kept.len()], a.device()));
    CooMatrix { data, row: side(0), col: side(1), shape: (a.shape()[0], a.shape()[1]) }
}

fn tensordot(case: &Case, a: &Variable, b: &Variable) -> Variable {
    match case.attr("axes").as_array() {
        None => F::tensordot(a, b, case.int_or("axes", 2) as usize),
        Some(pair) => {
            let axes = |i: usize| -> Vec<isize> {
                let list = pair[i].as_array().cloned().unwrap_or_else(|| vec![pair[i].clone()]);
                list.iter().filter_map(|v| v.as_i64()).map(|v| v as isize).collect()
            };
            F::tensordot_axes(a, b, &axes(0), &axes(1))
        }
    }
}
