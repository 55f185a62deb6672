use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{array::with_shape, math::sum_to},
    shape::{self, InvalidType, Meta},
    tensor::Tensor,
};

/// The matrix product over the last two axes, `y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j]`.
///
/// Leading axes broadcast. A vector is a row on the left and a column on the right; the axis of length 1 is dropped from
/// the result. Floats of one dtype.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// let b = Variable::constant(Tensor::ones([3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::matmul(&a, &b).shape()[..], [2, 4]);
/// ```
#[track_caller]
pub fn matmul(a: &Variable, b: &Variable) -> Variable {
    matmul_transposed(a, b, false, false)
}

/// As [`matmul`], with either operand taken transposed in its last two axes, vectors as they are; nothing is copied.
///
/// # Panics
/// When shapes or dtypes do not fit.
#[track_caller]
pub fn matmul_transposed(a: &Variable, b: &Variable, transa: bool, transb: bool) -> Variable {
    if a.ndim() != 1 && b.ndim() != 1 {
        return apply(Matmul { transa, transb }, &[a, b]);
    }
    let row = if a.ndim() == 1 { with_shape(a, [1, a.size()]) } else { a.clone() };
    let column = if b.ndim() == 1 { with_shape(b, [b.size(), 1]) } else { b.clone() };
    let y = apply(Matmul { transa: transa && a.ndim() > 1, transb: transb && b.ndim() > 1 }, &[&row, &column]);
    let mut shape = y.shape().to_vec();
    if b.ndim() == 1 {
        shape.pop();
    }
    if a.ndim() == 1 {
        shape.remove(shape.len() - usize::from(b.ndim() > 1) - 1);
    }
    with_shape(&y, shape)
}

#[derive(Debug)]
struct Matmul {
    transa: bool,
    transb: bool,
}

impl Function for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![shape::matmul(&xs[0], &xs[1], self.transa, self.transb)?.0])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].matmul(&xs[1], self.transa, self.transb).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None, None] };
        let (a, b) = (saved.input(0), saved.input(1));
        let ga = saved.needs(0).then(|| {
            let ga = if self.transa {
                matmul_transposed(b, gy, self.transb, true)
            } else {
                matmul_transposed(gy, b, false, !self.transb)
            };
            sum_to(&ga, a.shape())
        });
        let gb = saved.needs(1).then(|| {
            let gb = if self.transb {
                matmul_transposed(gy, a, true, self.transa)
            } else {
                matmul_transposed(a, gy, !self.transa, false)
            };
            sum_to(&gb, b.shape())
        });
        vec![ga, gb]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("matmul", |x| matmul(&x[0], &x[1])).input([3, 4]).input([4, 5]),
        Case::new("matmul/ta", |x| matmul_transposed(&x[0], &x[1], true, false)).input([4, 3]).input([4, 5]),
        Case::new("matmul/tb", |x| matmul_transposed(&x[0], &x[1], false, true)).input([3, 4]).input([5, 4]),
        Case::new("matmul/tatb", |x| matmul_transposed(&x[0], &x[1], true, true)).input([4, 3]).input([5, 4]),
        Case::new("matmul/batch", |x| matmul(&x[0], &x[1])).input([2, 3, 4]).input([2, 4, 5]),
        Case::new("matmul/batch_broadcast", |x| matmul(&x[0], &x[1])).input([2, 1, 3, 4]).input([3, 4, 5]),
        Case::new("matmul/vectors", |x| matmul(&x[0], &x[1])).input([5]).input([5]),
        Case::new("matmul/by_vector", |x| matmul(&x[0], &x[1])).input([2, 3, 5]).input([5]),
        Case::new("matmul/vector_by", |x| matmul_transposed(&x[0], &x[1], true, true)).input([5]).input([2, 3, 5]),
        Case::new("matmul/empty_sum", |x| matmul(&x[0], &x[1])).input([3, 0]).input([0, 5]),
        Case::new("matmul/empty", |x| matmul(&x[0], &x[1])).input([0, 4]).input([4, 5]),
        Case::new("matmul/epilogue", |x| crate::functions::relu(&(matmul(&x[0], &x[1]) + &x[2])))
            .input([9, 4])
            .input([4, 11])
            .input_in([11], 3.0, 5.0),
        // The pending operand is needed before the product and beside it.
        Case::new("matmul/residual", |x| {
            let h = &x[0] * 2.0;
            matmul(&h, &x[1]) + h
        })
        .input([4, 4])
        .input([4, 4]),
    ];
    cases.push(
        Case::new("matmul/odd", |x| matmul(&x[0], &x[1])).input([70, 37]).input([37, 67]).order(1).tolerance(1e-4),
    );
    cases
}
