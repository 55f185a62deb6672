use super::gates::{Gates, rows, unrows};
use crate::{
    autograd::{Case, Variable},
    functions::activation::{sigmoid, tanh},
    shape::{ensure, same_float},
    tensor::expect,
};

/// One step of S-LSTM, which joins two children: the cell and the output of their parent.
///
/// `c' = tanh(a1) s(i1) + tanh(a2) s(i2) + s(f1) c1 + s(f2) c2` and `h = s(o1 + o2) tanh(c')`. Cells are `(B, units)`, `x1`
/// and `x2` are `(B, 4 units)` with the gates `a, i, f, o` of a unit side by side, as in [`lstm`](super::lstm()).
/// Zhu, Sobhani and Guo, 2015.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let c = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([2, 12], DType::F32, &Device::cpu()));
/// let (c, h) = F::slstm(&c, &c, &x, &x);
/// assert_eq!((c.shape()[1], h.shape()[1]), (3, 3));
/// ```
#[track_caller]
pub fn slstm(c_prev1: &Variable, c_prev2: &Variable, x1: &Variable, x2: &Variable) -> (Variable, Variable) {
    let inputs = [c_prev1.data(), c_prev2.data(), x1.data(), x2.data()];
    let fits = || {
        same_float(&inputs.map(|t| t.meta()))?;
        ensure!(c_prev1.ndim(), >=, 2);
        ensure!(c_prev2.shape(), ==, c_prev1.shape());
        let wide = c_prev1.shape().with(1, 4 * c_prev1.shape()[1]);
        ensure!(*x1.shape() == wide, format!("x1.shape == {wide}"), "{}", x1.shape());
        ensure!(x2.shape(), ==, x1.shape());
        Ok(())
    };
    expect("slstm", fits(), &inputs);
    if x1.ndim() > 2 {
        let (c, h) = slstm(&rows(c_prev1), &rows(c_prev2), &rows(x1), &rows(x2));
        return (unrows(&c, c_prev1.shape()), unrows(&h, c_prev1.shape()));
    }
    let [a1, i1, f1, o1] = Gates::Interleaved.split(x1);
    let [a2, i2, f2, o2] = Gates::Interleaved.split(x2);
    let kept = sigmoid(&f1) * c_prev1 + sigmoid(&f2) * c_prev2;
    let c = tanh(&a1) * sigmoid(&i1) + tanh(&a2) * sigmoid(&i2) + kept;
    let h = sigmoid(&(o1 + o2)) * tanh(&c);
    (c, h)
}

pub(super) fn cases() -> Vec<Case> {
    let call = |x: &[Variable]| {
        let (c, h) = slstm(&x[0], &x[1], &x[2], &x[3]);
        vec![c, h]
    };
    vec![
        Case::many("slstm", call).input([2, 3]).input([2, 3]).input([2, 12]).input([2, 12]),
        Case::many("slstm/further_axes", call).input([2, 3, 2]).input([2, 3, 2]).input([2, 12, 2]).input([2, 12, 2]),
        Case::many("slstm/no_rows", call).input([0, 3]).input([0, 3]).input([0, 12]).input([0, 12]),
    ]
}
