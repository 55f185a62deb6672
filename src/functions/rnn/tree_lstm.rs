use crate::{
    autograd::{Case, Variable},
    functions::{
        activation::{sigmoid, tanh},
        array::split_axis,
    },
    shape::{InvalidType, ensure, same_float},
    tensor::{Tensor, expect},
};

/// One step of a tree LSTM: the cell and the output of a node from the cells of its children.
///
/// `c' = tanh(a) s(i) + sum over k of s(f_k) c_k` and `h = s(o) tanh(c')`. Each of the `n` cells is `(B, units)`, `x` is
/// `(B, (3 + n) units)` and holds the gates one after the other: `a, i, o, f_1, .., f_n`. Tai, Socher and Manning, 2015.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let c = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([2, 15], DType::F32, &Device::cpu()));
/// let (c, h) = F::tree_lstm(&[&c, &c], &x);
/// assert_eq!((c.shape()[1], h.shape()[1]), (3, 3));
/// ```
#[track_caller]
pub fn tree_lstm(cs: &[&Variable], x: &Variable) -> (Variable, Variable) {
    let inputs: Vec<&Tensor> = cs.iter().map(|c| c.data()).chain([x.data()]).collect();
    let fits = || -> Result<(), InvalidType> {
        same_float(&inputs.iter().map(|t| t.meta()).collect::<Vec<_>>())?;
        ensure!(x.ndim(), >=, 2);
        ensure!(x.shape()[1] % (3 + cs.len()), ==, 0);
        for c in cs {
            let wide = x.shape().with(1, x.shape()[1] / (3 + cs.len()));
            ensure!(*c.shape() == wide, format!("c.shape == {wide}"), "{}", c.shape());
        }
        Ok(())
    };
    expect("tree_lstm", fits(), &inputs);
    let gates = split_axis(x, 3 + cs.len(), 1);
    let new = tanh(&gates[0]) * sigmoid(&gates[1]);
    let c = cs.iter().zip(&gates[3..]).fold(new, |sum, (c, f)| sum + sigmoid(f) * *c);
    let h = sigmoid(&gates[2]) * tanh(&c);
    (c, h)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("tree_lstm", |x| {
            let (c, h) = tree_lstm(&[&x[0], &x[1]], &x[2]);
            vec![c, h]
        })
        .input([2, 3])
        .input([2, 3])
        .input([2, 15]),
        Case::new("tree_lstm/further_axes", |x| tree_lstm(&[&x[0]], &x[1]).1).input([2, 3, 2]).input([2, 12, 2]),
        Case::new("tree_lstm/leaf", |x| tree_lstm(&[], &x[0]).1).input([2, 9]),
        Case::new("tree_lstm/three", |x| tree_lstm(&[&x[0], &x[1], &x[0]], &x[2]).1)
            .input([2, 1])
            .input([2, 1])
            .input([2, 6]),
    ]
}
