use super::gates::{Gates, or_zeros, rows, total, unrows};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        activation::{sigmoid, sigmoid_grad, tanh, tanh_grad},
        array::{concat, split_axis},
    },
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::{Tensor, expect},
};

/// One step of long short-term memory: the next cell and the output, `c' = tanh(a) s(i) + s(f) c` and `h = s(o) tanh(c')`.
///
/// `c_prev` is `(B, units)`, `x` is `(B, 4 units)`, the sum of what the input and the last output give, with the gates of a
/// unit side by side: `x` reshaped to `(B, units, 4)` holds `a, i, f, o` along its last axis. `s` is the logistic function.
/// Both may have further axes, at each position of which the units have a state of their own.
/// Where `x` has fewer rows than `c_prev`, the rows left over of `c_prev` are those of the result.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let c = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([2, 12], DType::F32, &Device::cpu()));
/// let (c, h) = F::lstm(&c, &x);
/// assert_eq!((&c.shape()[..], &h.shape()[..]), (&[2, 3][..], &[2, 3][..]));
/// ```
#[track_caller]
pub fn lstm(c_prev: &Variable, x: &Variable) -> (Variable, Variable) {
    let fits = || {
        rules(&[c_prev.data().meta(), x.data().meta()])?;
        ensure!(x.shape()[0], <=, c_prev.shape()[0]);
        Ok(())
    };
    expect("lstm", fits(), &[c_prev.data(), x.data()]);
    if x.ndim() > 2 {
        let (c, h) = lstm(&rows(c_prev), &rows(x));
        return (unrows(&c, c_prev.shape()), unrows(&h, &c_prev.shape().with(0, x.shape()[0])));
    }
    let batch = x.shape()[0];
    if batch == c_prev.shape()[0] {
        return cell(c_prev, x, Gates::Interleaved);
    }
    let parts = split_axis(c_prev, [batch], 0);
    let (c, h) = cell(&parts[0], x, Gates::Interleaved);
    (concat(&[&c, &parts[1]], 0), h)
}

/// As [`lstm`] for equal batches, with the gates in the order said.
#[track_caller]
pub(super) fn cell(c_prev: &Variable, x: &Variable, gates: Gates) -> (Variable, Variable) {
    let mut ys = apply_all(Lstm { gates }, &[c_prev, x]);
    let h = ys.pop().expect("two outputs");
    (ys.swap_remove(0), h)
}

pub(super) fn rules(xs: &[Meta]) -> Result<(), InvalidType> {
    let (c, x) = (&xs[0], &xs[1]);
    same_float(xs)?;
    ensure!(c.ndim(), >=, 2);
    ensure!(x.ndim(), ==, c.ndim());
    ensure!(x.shape[1], ==, 4 * c.shape[1]);
    ensure!(x.shape[2..] == c.shape[2..], "x.shape[2:] == c.shape[2:]", "{} and {}", x.shape, c.shape);
    Ok(())
}

#[derive(Debug)]
struct Lstm {
    gates: Gates,
}

impl Function for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        rules(xs)?;
        ensure!(xs[0].shape[0], ==, xs[1].shape[0]);
        Ok(vec![xs[0].clone(), xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        Vec::from(next(self.gates, &xs[0], &xs[1])).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let step = Step { gates: self.gates, c_prev: saved.input(0), x: saved.input(1), c_next: saved.output(0) };
        let Some((gates, cell)) = step.gradients(gys[0].clone(), gys[1].clone()) else { return vec![None, None] };
        if !saved.needs(1) {
            return vec![Some(cell), None];
        }
        let more = if saved.needs(0) { vec![cell] } else { vec![] };
        let [gx, gc] = self.gates.join(gates, more);
        vec![saved.needs(0).then_some(gc), Some(gx)]
    }
}

/// The next cell and the output.
pub(super) fn next(gates: Gates, c_prev: &Tensor, x: &Tensor) -> [Tensor; 2] {
    let gate = |k| gates.of_tensor(x, 4, k);
    // The second result is computed through the first: one kernel stores both.
    let c = gate(0).tanh().mul(&gate(1).sigmoid()).add(&gate(2).sigmoid().mul(c_prev));
    let h = gate(3).sigmoid().mul(&c.tanh());
    [c, h]
}

/// What a step's gradients are computed from.
pub(super) struct Step<'a> {
    pub gates: Gates,
    pub c_prev: &'a Variable,
    pub x: &'a Variable,
    pub c_next: &'a Variable,
}

impl Step<'_> {
    /// Gradients of the gates' sums, and of the last cell, from those of the next cell and of the output.
    pub fn gradients(&self, gc: Option<Variable>, gh: Option<Variable>) -> Option<(Vec<Variable>, Variable)> {
        let [a, i, f, o] = self.gates.split(self.x);
        let (a, i, f, o, t) = (tanh(&a), sigmoid(&i), sigmoid(&f), sigmoid(&o), tanh(self.c_next));
        let gc = total(gc, &gh.as_ref().map(|gh| tanh_grad(&t, &(gh * &o))))?;
        let go = gh.map(|gh| sigmoid_grad(&o, &(gh * &t)));
        let ga = tanh_grad(&a, &(&gc * &i));
        let (gi, gf) = (sigmoid_grad(&i, &(&gc * &a)), sigmoid_grad(&f, &(&gc * self.c_prev)));
        Some((vec![ga, gi, gf, or_zeros(go, self.c_prev)], gc * f))
    }
}

pub(super) fn cases() -> Vec<Case> {
    let both = |(c, h): (Variable, Variable)| vec![c, h];
    let cases = vec![
        Case::many("lstm", move |x| both(lstm(&x[0], &x[1]))).input([3, 5]).input([3, 20]),
        Case::new("lstm/output_alone", |x| lstm(&x[0], &x[1]).1).input([2, 4]).input([2, 16]),
        Case::new("lstm/cell_alone", |x| lstm(&x[0], &x[1]).0).input([2, 4]).input([2, 16]),
        Case::many("lstm/fewer_rows", move |x| both(lstm(&x[0], &x[1]))).input([4, 3]).input([2, 12]),
        Case::many("lstm/blocks", move |x| both(cell(&x[0], &x[1], Gates::Blocks))).input([3, 5]).input([3, 20]),
        Case::many("lstm/two_steps", move |x| {
            let (c, h) = lstm(&x[0], &x[1]);
            both(lstm(&c, &(&x[2] + concat(&[&h, &h, &h, &h], 1))))
        })
        .input([2, 3])
        .input([2, 12])
        .input([2, 12]),
        Case::many("lstm/further_axes", move |x| both(lstm(&x[0], &x[1]))).input([3, 2, 4]).input([2, 8, 4]),
        Case::many("lstm/no_rows", move |x| both(lstm(&x[0], &x[1]))).input([0, 3]).input([0, 12]),
        Case::many("lstm/large", move |x| both(lstm(&x[0], &x[1])))
            .input_in([2, 3], -9.0, 9.0)
            .input_in([2, 12], -90.0, 90.0)
            .order(1),
    ];
    cases.into_iter().chain(super::peephole::cases()).chain(super::zoneout_lstm::cases()).collect()
}
