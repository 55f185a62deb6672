use super::inv::{batch_inv, one_matrix, regular, square_matrices};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::array::{swapaxes, with_shape},
    shape::{InvalidType, Meta},
    tensor::{Tensor, expect},
};

/// The determinant of a square matrix, a scalar.
///
/// At a singular matrix there is no gradient.
///
/// # Panics
/// When `x` is no float or no square matrix.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[2.0f32, 1.0, 1.0, 4.0], [2, 2], &Device::cpu()));
/// assert_eq!(F::det(&x).item().unwrap(), 7.0);
/// ```
#[track_caller]
pub fn det(x: &Variable) -> Variable {
    expect("det", one_matrix(x), &[x.data()]);
    batch_det(x)
}

/// The determinants of square matrices, `(.., n, n)` to `(..)`.
///
/// # Panics
/// When `x` is no float, or its last two axes are not of one length.
#[track_caller]
pub fn batch_det(x: &Variable) -> Variable {
    apply(Det, &[x])
}

#[derive(Debug)]
struct Det;

impl Function for Det {
    fn name(&self) -> &'static str {
        "det"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        square_matrices(&xs[0])?;
        Ok(vec![Meta::new(&xs[0].shape[..xs[0].ndim() - 2], xs[0].dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].invert().1.into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (x, y) = (saved.input(0), saved.output(0));
        let each = y.shape().insert(y.ndim(), 1).insert(y.ndim() + 1, 1);
        let gx = |gy: &Variable| with_shape(&(gy * y), each) * swapaxes(&batch_inv(x), -1, -2);
        vec![gys[0].as_ref().map(gx)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("det", |x| det(&regular(&x[0]))).input([3, 3]),
        Case::new("det/batch", |x| batch_det(&regular(&x[0]))).input([2, 3, 3]),
        Case::new("det/pivots", |x| det(&x[0]))
            .exact(ndarray::arr2(&[[0.0, 2.0, 0.5], [1.0, 0.0, 0.25], [0.0, 0.0, 4.0]]).into_dyn()),
    ]
}
