use super::{
    inv::{batch_inv, regular, square_matrices},
    matmul, matmul_transposed, tril,
};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::array::swapaxes,
    shape::{InvalidType, Meta},
    tensor::Tensor,
};

/// The Cholesky factors of symmetric positive definite matrices `(.., n, n)`: lower triangular `y` with `y y' = x`.
///
/// Lower triangles are read; the gradient is symmetric. A matrix that is not positive definite gives NaN.
///
/// # Panics
/// When `x` is no float, or its last two axes are not of one length.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[4.0f32, 2.0, 2.0, 10.0], [2, 2], &Device::cpu()));
/// assert_eq!(F::cholesky(&x).data().to_vec::<f32>().unwrap(), [2.0, 0.0, 1.0, 3.0]);
/// ```
#[track_caller]
pub fn cholesky(x: &Variable) -> Variable {
    apply(Cholesky, &[x])
}

#[derive(Debug)]
struct Cholesky;

impl Function for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        square_matrices(&xs[0])?;
        Ok(xs.to_vec())
    }

    fn retain(&self) -> Retain {
        Retain::OUTPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].cholesky_factor().into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let y = saved.output(0);
        let gx = |gy: &Variable| {
            let inverse = batch_inv(y);
            let inner = matmul_transposed(y, gy, true, false);
            // The lower triangle, with half of the diagonal.
            let inner = (tril(&inner, 0) + tril(&inner, -1)) * 0.5;
            let s = matmul(&matmul_transposed(&inverse, &inner, true, false), &inverse);
            (&s + swapaxes(&s, -1, -2)) * 0.5
        };
        vec![gys[0].as_ref().map(gx)]
    }
}

/// A symmetric positive definite matrix from any.
fn definite(x: &Variable) -> Variable {
    regular(&matmul_transposed(x, x, false, true))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cholesky", |x| cholesky(&definite(&x[0]))).input([3, 3]),
        Case::new("cholesky/batch", |x| cholesky(&definite(&x[0]))).input([2, 4, 4]),
        Case::new("cholesky/itself", |x| cholesky(&x[0]))
            .exact(ndarray::arr2(&[[4.0, 2.0], [2.0, 3.0]]).into_dyn())
            .order(0),
        Case::new("cholesky/large", |x| cholesky(&definite(&(&x[0] * 0.1)))).input([70, 70]).order(1).tolerance(1e-4),
    ]
}
