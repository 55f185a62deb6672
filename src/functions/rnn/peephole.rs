//! A step of long short-term memory whose gates see the cell, as in the link.

use super::gates::{Gates, kept, or_zeros, total};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply, apply_all},
    functions::{
        activation::{sigmoid, sigmoid_grad, tanh, tanh_grad},
        array::{concat, get_item, split_axis, with_shape},
        math::{matmul, matmul_transposed},
    },
    shape::{InvalidType, Meta, Shape, Slice, View, ensure, same_float},
    tensor::Tensor,
};
use std::sync::Arc;

/// The next cell and the output, `c' = tanh(a) s(i) + s(f) c` and `h' = s(o + W_o c') tanh(c')`, where the gates' sums
/// `a, i, f, o`, those of a unit side by side, are `x + W [c, h]`.
///
/// `c` and `h` are `(B, units)`, `x` is `(B, 4 units)`, `w` is `(4 units, 2 units)` (see [`peephole_weights`]) and `w_o` is
/// `(units, units)`. The results lie side by side in memory, where the next step's product reads them as one operand.
#[track_caller]
pub(crate) fn peephole_lstm(
    c: &Variable,
    h: &Variable,
    x: &Variable,
    w: &Variable,
    w_o: &Variable,
) -> (Variable, Variable) {
    let mut ys = apply_all(PeepholeLstm, &[c, h, x, w, w_o]);
    ys.truncate(2);
    let h = ys.pop().expect("two outputs");
    (ys.swap_remove(0), h)
}

/// Weights on cell and output side by side: those of the output in the rows of all gates, `lateral`, and in those of the input
/// and the forget gate the cell's, zeros in the others.
#[track_caller]
pub(crate) fn peephole_weights(lateral: &Variable, of_i: &Variable, of_f: &Variable) -> Variable {
    apply(Weights, &[lateral, of_i, of_f])
}

/// Further results are what its backward pass needs: the sums, and the output gate; it also keeps the joined state.
#[derive(Debug)]
struct PeepholeLstm;

const GATES: Gates = Gates::Interleaved;

impl Function for PeepholeLstm {
    fn name(&self) -> &'static str {
        "peephole_lstm"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (c, h, x, w, w_o) = (&xs[0], &xs[1], &xs[2], &xs[3], &xs[4]);
        ensure!(c.ndim(), ==, 2);
        ensure!(h.shape, ==, c.shape);
        let units = c.shape[1];
        ensure!(x.shape, ==, c.shape.with(1, 4 * units));
        let fits = w.shape[..] == [4 * units, 2 * units] && w_o.shape[..] == [units, units];
        let expected = format!("weights of shape ({}, {}) and ({units}, {units})", 4 * units, 2 * units);
        ensure!(fits, expected, "{} and {}", w.shape, w_o.shape);
        Ok(vec![c.clone(), c.clone(), x.clone(), c.clone()])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).input(1).input(3).input(4).output(0).output(2).output(3)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (c, units) = (&xs[0], xs[0].shape()[1]);
        let state = side_by_side(c, &xs[1]);
        let sums = xs[2].add(&state.matmul(&xs[3], false, true));
        let gate = |k| GATES.of_tensor(&sums, 4, k);
        let next = gate(0).tanh().mul(&gate(1).sigmoid()).add(&gate(2).sigmoid().mul(c));
        let o = gate(3).add(&next.matmul(&xs[4], false, true)).sigmoid();
        let both = Tensor::concat(&[&next, &o.mul(&next.tanh())], 1);
        let [c, h] = [0, units].map(|start| both.narrow(1, start, units));
        Forward::with_extras(vec![c, h, sums, o], vec![state])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (c, w) = (saved.input(0), saved.input(3));
        let (c_next, o) = (saved.output(0), saved.output(3));
        // Sums and output gate have gradients of their own where a gradient is differentiated.
        let through_o = total(gys[1].as_ref().map(|gh| gh * tanh(c_next)), &gys[3]);
        let go = sigmoid_grad(o, &or_zeros(through_o, c));
        let (gates, more) = gradients(saved, gys, &go);
        let [gx, direct] = GATES.join(gates, more);
        let gx = total(Some(gx), &gys[2]).expect("one of two is there");
        let of_state = (saved.needs(0) || saved.needs(1)).then(|| split_axis(&(direct + matmul(&gx, w)), 2, 1));
        let [gc, gh] = [0, 1].map(|k| of_state.as_ref().map(|parts| parts[k].clone()));
        let state = || kept(saved, 0, || concat(&[c, saved.input(1)], 1));
        let gw = saved.needs(3).then(|| matmul_transposed(&gx, &state(), true, false));
        let gw_o = saved.needs(4).then(|| matmul_transposed(&go, c_next, true, false));
        vec![gc, gh, Some(gx), gw, gw_o]
    }
}

/// Gradients of the sums; of the last cell where it is no operand of a product, and as many zeros, for the last output.
fn gradients(saved: &Saved, gys: &[Option<Variable>], go: &Variable) -> (Vec<Variable>, Vec<Variable>) {
    let (c, w_o, o) = (saved.input(0), saved.input(4), saved.output(3));
    let [a, i, f, _] = GATES.split(saved.output(2));
    let (a, i, f, t) = (tanh(&a), sigmoid(&i), sigmoid(&f), tanh(saved.output(0)));
    let through_h = gys[1].as_ref().map(|gh| tanh_grad(&t, &(gh * o)));
    let gc = total(through_h, &gys[0]);
    let gc = total(Some(matmul(go, w_o)), &gc).expect("one of two is there");
    let (ga, gi) = (tanh_grad(&a, &(&gc * &i)), sigmoid_grad(&i, &(&gc * &a)));
    let gf = sigmoid_grad(&f, &(&gc * c));
    (vec![ga, gi, gf, go.clone()], vec![gc * f, or_zeros(None, c)])
}

/// Two matrices as one: as they are, if they lie side by side in memory.
fn side_by_side(a: &Tensor, b: &Tensor) -> Tensor {
    let (units, x, y) = (a.shape()[1], &a.view, &b.view);
    let as_one = x.strides[..] == [2 * units as isize, 1] && y.strides == x.strides && y.offset == x.offset + units;
    if as_one && Arc::ptr_eq(&a.storage, &b.storage) {
        return a.with_view(View { shape: x.shape.with(1, 2 * units), ..x.clone() });
    }
    Tensor::concat(&[a, b], 1)
}

#[derive(Debug)]
struct Weights;

impl Function for Weights {
    fn name(&self) -> &'static str {
        "peephole_weights"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (lateral, of_i, of_f) = (&xs[0], &xs[1], &xs[2]);
        ensure!(of_i.ndim(), ==, 2);
        ensure!(of_i.shape[0], ==, of_i.shape[1]);
        ensure!(of_f.shape, ==, of_i.shape);
        let units = of_i.shape[0];
        ensure!(lateral.shape, ==, Shape::from([4 * units, units]));
        Ok(vec![Meta::new([4 * units, 2 * units], of_i.dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (of_i, of_f, units) = (&xs[1], &xs[2], xs[1].shape()[0]);
        let rows = xs[0].with_shape(&[units, 4, units].into());
        let lateral = |k: usize| rows.slice(&[Slice::ALL, k.into()]);
        let zeros = of_i.full_like(0.0);
        let [a, i, f, o] = [0, 1, 2, 3].map(lateral);
        let whole = Tensor::stack(&[&zeros, &a, of_i, &i, of_f, &f, &zeros, &o], 1);
        whole.with_shape(&[4 * units, 2 * units].into()).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None; 3] };
        let units = saved.meta(1).shape[0];
        let gates = with_shape(gy, [units, 4, 2, units]);
        let lateral = get_item(&gates, &[Slice::ALL, Slice::ALL, 1.into()]);
        let of_cell = |k: usize| get_item(&gates, &[Slice::ALL, k.into(), 0.into()]);
        vec![Some(with_shape(&lateral, [4 * units, units])), Some(of_cell(1)), Some(of_cell(2))]
    }
}

/// Cases of the functions, which no names of their own are public for.
pub(super) fn cases() -> Vec<Case> {
    let case = |name, [b, u]: [usize; 2]| {
        Case::many(name, |x| {
            let (c, h) = peephole_lstm(&x[0], &x[1], &x[2], &x[3], &x[4]);
            vec![c, h]
        })
        .input([b, u])
        .input([b, u])
        .input([b, 4 * u])
        .input([4 * u, 2 * u])
        .input([u, u])
    };
    vec![
        case("lstm/peephole", [2, 3]),
        case("lstm/peephole_no_rows", [0, 2]),
        Case::new("lstm/peephole_cell_alone", |x| peephole_lstm(&x[0], &x[1], &x[2], &x[3], &x[4]).0)
            .input([2, 2])
            .input([2, 2])
            .input([2, 8])
            .input([8, 4])
            .input([2, 2]),
        // The second step's state lies as the first one's results do.
        Case::many("lstm/peephole_two_steps", |x| {
            let (c, h) = peephole_lstm(&x[0], &x[1], &x[2], &x[4], &x[5]);
            let (c, h) = peephole_lstm(&c, &h, &x[3], &x[4], &x[5]);
            vec![c, h]
        })
        .input([1, 2])
        .input([1, 2])
        .input([1, 8])
        .input([1, 8])
        .input([8, 4])
        .input([2, 2]),
        Case::new("lstm/peephole_weights", |x| peephole_weights(&x[0], &x[1], &x[2]))
            .input([12, 3])
            .input([3, 3])
            .input([3, 3]),
    ]
}
