use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{
        array::with_shape,
        math::{matmul, matmul_transposed, sum_axes},
    },
    shape::{InvalidType, Meta, Shape, ensure, same_float},
    tensor::{Tensor, expect},
};

/// A fully connected layer, `y[n, o] = sum over i of x[n, i] * w[o, i] + b[o]`.
///
/// `x` is `(N, in)`, or has more axes, which are flattened to `(N, in)`; `w` is `(out, in)`, `b` is `(out,)`; the result
/// is `(N, out)`.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::linear(&ones(&[4, 2, 3]), &ones(&[5, 6]), Some(&ones(&[5])));
/// assert_eq!(y.shape()[..], [4, 5]);
/// assert_eq!(y.data().to_vec::<f32>().unwrap()[0], 7.0);
/// ```
#[track_caller]
pub fn linear(x: &Variable, w: &Variable, b: Option<&Variable>) -> Variable {
    linear_axes(x, w, b, 1)
}

/// As [`linear`], with the first `n_batch_axes` axes of `x` kept and the others flattened:
/// `x` of shape `(batch.., in..)` gives `(batch.., out)`.
///
/// # Panics
/// When shapes or dtypes do not fit, or there is no batch axis.
#[track_caller]
pub fn linear_axes(x: &Variable, w: &Variable, b: Option<&Variable>, n_batch_axes: usize) -> Variable {
    let fits = || -> Result<(), InvalidType> {
        ensure!(n_batch_axes, >, 0);
        ensure!(x.ndim(), >, n_batch_axes);
        Ok(())
    };
    expect("linear", fits(), &[x.data(), w.data()]);
    let (batch, rest) = x.shape().split_at(n_batch_axes);
    let flat = with_shape(x, [batch.iter().product(), rest.iter().product::<usize>()]);
    let inputs: Vec<&Variable> = [&flat, w].into_iter().chain(b).collect();
    let y = apply(Linear, &inputs);
    let mut shape = Shape::from(batch);
    shape.push(y.shape()[1]);
    with_shape(&y, shape)
}

#[derive(Debug)]
struct Linear;

impl Function for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (x, w) = (&xs[0], &xs[1]);
        let dtype = same_float(xs)?;
        ensure!(x.ndim(), ==, 2);
        ensure!(w.ndim(), ==, 2);
        ensure!(x.shape[1], ==, w.shape[1]);
        if let Some(b) = xs.get(2) {
            ensure!(b.ndim(), ==, 1);
            ensure!(b.shape[0], ==, w.shape[0]);
        }
        Ok(vec![Meta::new([x.shape[0], w.shape[0]], dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let y = xs[0].matmul(&xs[1], false, true);
        match xs.get(2) {
            Some(b) => y.add(b).into(),
            None => y.into(),
        }
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let gy = gys[0].as_ref().expect("a function of one output is run when it has a gradient");
        let (x, w) = (saved.input(0), saved.input(1));
        let mut gxs =
            vec![saved.needs(0).then(|| matmul(gy, w)), saved.needs(1).then(|| matmul_transposed(gy, x, true, false))];
        if saved.arity() > 2 {
            gxs.push(saved.needs(2).then(|| sum_axes(gy, Some(&[0]), false)));
        }
        gxs
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("linear", |x| linear(&x[0], &x[1], Some(&x[2]))).input([4, 5]).input([3, 5]).input([3]),
        Case::new("linear/nobias", |x| linear(&x[0], &x[1], None)).input([4, 5]).input([3, 5]),
        Case::new("linear/flattened", |x| linear(&x[0], &x[1], Some(&x[2]))).input([2, 3, 2]).input([4, 6]).input([4]),
        Case::new("linear/batch_axes", |x| linear_axes(&x[0], &x[1], Some(&x[2]), 2))
            .input([2, 3, 4])
            .input([5, 4])
            .input([5]),
        Case::new("linear/then_relu", |x| crate::functions::relu(&linear(&x[0], &x[1], Some(&x[2]))))
            .input([9, 4])
            .input([11, 4])
            .input_in([11], 3.0, 5.0),
        Case::new("linear/empty_batch", |x| linear(&x[0], &x[1], Some(&x[2]))).input([0, 5]).input([3, 5]).input([3]),
        Case::new("linear/no_features", |x| linear(&x[0], &x[1], Some(&x[2]))).input([4, 0]).input([3, 0]).input([3]),
    ]
}
