use super::{matmul, matmul_transposed};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    shape::{InvalidType, Meta, ensure},
    tensor::{Tensor, expect},
};

/// The inverse of a square matrix.
///
/// That of a singular matrix has no finite values.
///
/// # Panics
/// When `x` is no float or no square matrix.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[2.0f32, 0.0, 0.0, 4.0], [2, 2], &Device::cpu()));
/// assert_eq!(F::inv(&x).data().to_vec::<f32>().unwrap(), [0.5, 0.0, 0.0, 0.25]);
/// ```
#[track_caller]
pub fn inv(x: &Variable) -> Variable {
    expect("inv", one_matrix(x), &[x.data()]);
    apply(Inv, &[x])
}

/// The inverses of square matrices, `(.., n, n)`.
///
/// # Panics
/// When `x` is no float, or its last two axes are not of one length.
#[track_caller]
pub fn batch_inv(x: &Variable) -> Variable {
    apply(Inv, &[x])
}

pub(super) fn one_matrix(x: &Variable) -> Result<(), InvalidType> {
    ensure!(x.ndim(), ==, 2);
    Ok(())
}

pub(super) fn square_matrices(x: &Meta) -> Result<(), InvalidType> {
    ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
    ensure!(x.ndim(), >=, 2);
    ensure!(x.shape[x.ndim() - 2] == x.shape[x.ndim() - 1], "square matrices", "{}", x.shape);
    Ok(())
}

#[derive(Debug)]
struct Inv;

impl Function for Inv {
    fn name(&self) -> &'static str {
        "inv"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        square_matrices(&xs[0])?;
        Ok(xs.to_vec())
    }

    fn retain(&self) -> Retain {
        Retain::OUTPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].invert().0.into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let y = saved.output(0);
        vec![gys[0].as_ref().map(|gy| -matmul_transposed(&matmul_transposed(y, gy, true, false), y, false, true))]
    }
}

/// Well-conditioned matrices around the identity, for cases.
pub(super) fn regular(x: &Variable) -> Variable {
    let n = x.shape()[x.ndim() - 1];
    let eye = Tensor::eye(n, x.dtype(), x.device()).mul_scalar(3.0);
    x + Variable::constant(eye)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("inv", |x| inv(&regular(&x[0]))).input([3, 3]),
        Case::new("inv/batch", |x| batch_inv(&regular(&x[0]))).input([2, 2, 4, 4]),
        Case::new("inv/pivots", |x| inv(&x[0]))
            .exact(ndarray::arr2(&[[0.0, 2.0, 0.5], [1.0, 0.0, 0.25], [0.0, 0.0, 4.0]]).into_dyn()),
        Case::new("inv/large", |x| matmul(&inv(&regular(&(&x[0] * 0.1))), &x[1]))
            .input([70, 70])
            .input([70, 1])
            .order(1)
            .tolerance(1e-4),
        Case::new("inv/one", |x| inv(&regular(&x[0]))).input([1, 1]),
        Case::new("inv/none", |x| batch_inv(&x[0])).input([0, 2, 2]),
    ]
}
