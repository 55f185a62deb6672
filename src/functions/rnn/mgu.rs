//! A step of minimal gated units, as in the link.

use super::gates::{Gates, laid, or_zeros, total};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        activation::{sigmoid_grad, tanh_grad},
        array::{get_item, split_axis},
        math::{matmul, matmul_transposed},
    },
    shape::{InvalidType, Meta, Slice, ensure, same_float},
    tensor::Tensor,
};

/// The next state, `h' = h + f (g - h)`, where `f = s(x_f + U_f h)` and `g = tanh(x_h + U_h (f h))`.
///
/// `x` is `(B, 2 units)`, what the input gives to `f, g`; `h` is `(B, units)`, both weights are `(units, units)`.
#[track_caller]
pub(crate) fn mgu(x: &Variable, h: &Variable, u_f: &Variable, u_h: &Variable) -> Variable {
    apply_all(Mgu, &[x, h, u_f, u_h]).swap_remove(0)
}

/// What the steps of a sequence share, of the weights `W_f` and `W_h`, `(units, units + in)` each, whose first columns are the
/// state's: the weights on the input, `(2 units, in)`, those on the state, `U_f` and `U_h`; and the biases, if there are two.
#[track_caller]
pub(crate) fn mgu_weights(of: &[&Variable]) -> Vec<Variable> {
    apply_all(Weights, of)
}

/// Further results are what its backward pass needs: the gate `f`, the candidate `g`, and `f h`.
#[derive(Debug)]
struct Mgu;

impl Function for Mgu {
    fn name(&self) -> &'static str {
        "mgu"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (x, h, u_f, u_h) = (&xs[0], &xs[1], &xs[2], &xs[3]);
        ensure!(x.ndim(), ==, 2);
        ensure!(h.ndim(), ==, 2);
        ensure!(x.shape[0], ==, h.shape[0]);
        ensure!(x.shape[1], ==, 2 * h.shape[1]);
        let units = h.shape[1];
        let squares = [u_f, u_h].iter().all(|u| u.shape[..] == [units, units]);
        ensure!(squares, format!("weights of shape ({units}, {units})"), "{} and {}", u_f.shape, u_h.shape);
        Ok(vec![h.clone(); 4])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1).input(2).input(3).output(1).output(2).output(3)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (h, x) = (&xs[1], |k| Gates::Blocks.of_tensor(&xs[0], 2, k));
        let f = x(0).add(&h.matmul(&xs[2], false, true)).sigmoid();
        let fh = f.mul(h);
        let g = x(1).add(&fh.matmul(&xs[3], false, true)).tanh();
        let next = h.add(&f.mul(&g.sub(h)));
        vec![next, f, g, fh].into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (h, u_f, u_h) = (saved.input(1), saved.input(2), saved.input(3));
        let [f, g, fh] = [1, 2, 3].map(|k| saved.output(k));
        // Gate, candidate and their operand have gradients of their own where a gradient is differentiated.
        let sum = |a: Option<Variable>, k: usize| or_zeros(total(a, &gys[k]), h);
        let gy = gys[0].as_ref();
        let dg = tanh_grad(g, &sum(gy.map(|gy| gy * f), 2));
        let g_fh = sum(Some(matmul(&dg, u_h)), 3);
        let df = sigmoid_grad(f, &sum(total(gy.map(|gy| gy * (g - h)), &Some(&g_fh * h)), 1));
        let [gx, _] = Gates::Blocks.join(vec![df, dg.clone()], vec![]);
        let df = split_axis(&gx, 2, 1).swap_remove(0);
        let gh = saved.needs(1).then(|| {
            let direct = g_fh * f + matmul(&df, u_f);
            match gy {
                Some(gy) => direct + gy * (1.0 - f),
                None => direct,
            }
        });
        let of_f = saved.needs(2).then(|| matmul_transposed(&df, h, true, false));
        let of_h = saved.needs(3).then(|| matmul_transposed(&dg, fh, true, false));
        vec![Some(gx), gh, of_f, of_h]
    }
}

#[derive(Debug)]
struct Weights;

impl Function for Weights {
    fn name(&self) -> &'static str {
        "mgu_weights"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (w_f, w_h) = (&xs[0], &xs[1]);
        ensure!(w_f.ndim(), ==, 2);
        ensure!(w_f.shape, ==, w_h.shape);
        let units = w_f.shape[0];
        ensure!(w_f.shape[1], >=, units);
        let of = |shape: &[usize]| Meta::new(shape, w_f.dtype);
        let on_state = of(&[units, units]);
        let mut all = vec![of(&[2 * units, w_f.shape[1] - units]), on_state.clone(), on_state];
        if let [b_f, b_h] = &xs[2..] {
            ensure!(b_f.shape[..] == [units], format!("a bias of shape ({units},)"), "{}", b_f.shape);
            ensure!(b_h.shape, ==, b_f.shape);
            all.push(of(&[2 * units]));
        }
        Ok(all)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let parts = |w: &Tensor| w.split([w.shape()[0]], 1).try_into().expect("two parts");
        let ([u_f, x_f], [u_h, x_h]): ([Tensor; 2], [Tensor; 2]) = (parts(&xs[0]), parts(&xs[1]));
        let mut groups = vec![vec![x_f, x_h], vec![u_f], vec![u_h]];
        if let [b_f, b_h] = &xs[2..] {
            groups.push(vec![b_f.clone(), b_h.clone()]);
        }
        Tensor::joined(groups, 0).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (units, all) = (saved.meta(0).shape[0], saved.meta(0).shape[1]);
        let rows = [0, 1].map(|k| Slice::from(k * units..(k + 1) * units));
        let mut gradients = vec![None; saved.arity()];
        if let Some(there) = gys[..3].iter().flatten().next() {
            let zeros = |shape: [usize; 2]| Variable::constant(Tensor::zeros(shape, there.dtype(), there.device()));
            let of = |k: usize, shape: [usize; 2]| gys[k].clone().unwrap_or_else(|| zeros(shape));
            // Products that are still to be computed are written where they belong.
            let on_state = [0, 1].map(|k| (of(1 + k, [units; 2]), [rows[k], rows[0]]));
            let on_input = (of(0, [2 * units, all - units]), [Slice::ALL, (units..all).into()]);
            let whole = laid([2 * units, all], on_state.into_iter().chain([on_input]).collect());
            (0..2).for_each(|k| gradients[k] = Some(get_item(&whole, &[rows[k]])));
        }
        if let Some(gb) = gys.get(3).cloned().flatten() {
            (0..2).for_each(|k| gradients[2 + k] = Some(get_item(&gb, &[rows[k]])));
        }
        gradients
    }
}

/// Cases of the functions, which no names of their own are public for.
pub(super) fn cases() -> Vec<Case> {
    let case = |name, [b, u]: [usize; 2]| {
        Case::new(name, |x| mgu(&x[0], &x[1], &x[2], &x[3])).input([b, 2 * u]).input([b, u]).input([u, u]).input([u, u])
    };
    let all = |x: &[Variable]| mgu_weights(&x.iter().collect::<Vec<_>>());
    vec![
        case("n_step_gru/minimal", [2, 3]),
        case("n_step_gru/minimal_no_rows", [0, 2]),
        Case::new("n_step_gru/minimal_two_steps", |x| mgu(&x[1], &mgu(&x[0], &x[2], &x[3], &x[4]), &x[3], &x[4]))
            .input([2, 4])
            .input([2, 4])
            .input([2, 2])
            .input([2, 2])
            .input([2, 2]),
        Case::many("n_step_gru/minimal_weights", move |x| all(x)).input([2, 5]).input([2, 5]).input([2]).input([2]),
        Case::many("n_step_gru/minimal_weights_alike", move |x| all(x)).input([2, 4]).input([2, 4]),
        Case::new("n_step_gru/minimal_weights_on_state", move |x| all(x).swap_remove(2)).input([2, 3]).input([2, 3]),
    ]
}
