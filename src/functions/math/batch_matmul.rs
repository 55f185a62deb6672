use super::matmul_transposed;
use crate::{
    autograd::{Case, Variable},
    functions::array::with_shape,
    shape::ensure,
    tensor::expect,
};

/// Matrix products of pairs, `y[n] = a[n] @ b[n]`, either operand transposed; vectors count as columns.
///
/// `a` is `(N, m, k)` or `(N, m)`, `b` is `(N, k, n)` or `(N, k)`.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// assert_eq!(F::batch_matmul(&ones(&[2, 3, 4]), &ones(&[2, 4]), false, false).shape()[..], [2, 3, 1]);
/// ```
#[track_caller]
pub fn batch_matmul(a: &Variable, b: &Variable, transa: bool, transb: bool) -> Variable {
    let _named = crate::shape::named("batch_matmul");
    let fits = || {
        for x in [a, b] {
            ensure!((2..=3).contains(&x.ndim()), "two or three axes", "{}", x.shape());
        }
        ensure!(a.shape()[0], ==, b.shape()[0]);
        Ok(())
    };
    expect("batch_matmul", fits(), &[a.data(), b.data()]);
    let column = |x: &Variable| if x.ndim() == 2 { with_shape(x, x.shape().insert(2, 1)) } else { x.clone() };
    matmul_transposed(&column(a), &column(b), transa, transb)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("batch_matmul", |x| batch_matmul(&x[0], &x[1], false, false)).input([3, 2, 4]).input([3, 4, 3]),
        Case::new("batch_matmul/vectors", |x| batch_matmul(&x[0], &x[1], true, false)).input([3, 4]).input([3, 4]),
        Case::new("batch_matmul/transposed", |x| batch_matmul(&x[0], &x[1], true, true))
            .input([2, 4, 3])
            .input([2, 5, 4]),
    ]
}
