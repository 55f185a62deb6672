//! A step of minimal gated units, as in the link.

use super::gates::{Gates, kept, or_zeros, total};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        activation::{sigmoid_grad, tanh_grad},
        array::{concat, split_axis},
        math::{matmul, matmul_transposed, sum_axes},
    },
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::Tensor,
};

/// The next state, `h' = h + f (g - h)`, where `f = s(W_f [h, x] + b_f)` and `g = tanh(W_h [f h, x] + b_h)`.
///
/// `h` is `(B, units)`, `x` is `(B, in)`, both weights are `(units, units + in)`, and `b` is `(2 units,)`: `b_f, b_h`.
#[track_caller]
pub(crate) fn mgu(h: &Variable, x: &Variable, w_f: &Variable, w_h: &Variable, b: Option<&Variable>) -> Variable {
    let inputs: Vec<&Variable> = [h, x, w_f, w_h].into_iter().chain(b).collect();
    apply_all(Mgu, &inputs).swap_remove(0)
}

/// Further results are what its backward pass needs: the gate `f` and the candidate `g`; it also keeps the joined operands.
#[derive(Debug)]
struct Mgu;

const BIAS: usize = 4;

impl Function for Mgu {
    fn name(&self) -> &'static str {
        "mgu"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (h, x, w_f, w_h) = (&xs[0], &xs[1], &xs[2], &xs[3]);
        ensure!(h.ndim(), ==, 2);
        ensure!(x.ndim(), ==, 2);
        ensure!(x.shape[0], ==, h.shape[0]);
        let (units, inputs) = (h.shape[1], h.shape[1] + x.shape[1]);
        let fits = [w_f, w_h].iter().all(|w| w.shape[..] == [units, inputs]);
        ensure!(fits, format!("weights of shape ({units}, {inputs})"), "{} and {}", w_f.shape, w_h.shape);
        if let Some(b) = xs.get(BIAS) {
            ensure!(b.shape[..] == [2 * units], format!("b.shape == ({},)", 2 * units), "{}", b.shape);
        }
        Ok(vec![h.clone(); 3])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(1).output(2)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (h, x, units) = (&xs[0], &xs[1], xs[0].shape()[1]);
        let sum = |operand: &Tensor, k: usize| {
            let product = operand.matmul(&xs[2 + k], false, true);
            match xs.get(BIAS) {
                Some(b) => product.add(&b.narrow(0, k * units, units)),
                None => product,
            }
        };
        let hx = Tensor::concat(&[h, x], 1);
        let f = sum(&hx, 0).sigmoid();
        let fhx = Tensor::concat(&[&f.mul(h), x], 1);
        let g = sum(&fhx, 1).tanh();
        let next = h.add(&f.mul(&g.sub(h)));
        Forward::with_extras(vec![next, f, g], vec![hx, fhx])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (h, x, w_f, w_h) = (saved.input(0), saved.input(1), saved.input(2), saved.input(3));
        let (f, g) = (saved.output(1), saved.output(2));
        let gy = gys[0].as_ref();
        // Gate and candidate have gradients of their own where a gradient is differentiated.
        let dg = tanh_grad(g, &or_zeros(total(gy.map(|gy| gy * f), &gys[2]), h));
        let [g_fh, gx] = halves(&matmul(&dg, w_h), h);
        let of_f = total(gy.map(|gy| gy * (g - h)), &gys[1]);
        let df = sigmoid_grad(f, &(or_zeros(of_f, h) + &g_fh * h));
        let [d, _] = Gates::Blocks.join(vec![df, dg.clone()], vec![]);
        let df = halves(&d, h)[0].clone();
        let [u_f, x_f] = halves(w_f, h);
        let gh = saved.needs(0).then(|| {
            let direct = g_fh * f + matmul(&df, &u_f);
            match gy {
                Some(gy) => direct + gy * (1.0 - f),
                None => direct,
            }
        });
        let hx = || kept(saved, 0, || concat(&[h, x], 1));
        let fhx = || kept(saved, 1, || concat(&[&(f * h), x], 1));
        let mut gradients = vec![
            gh,
            saved.needs(1).then(|| gx + matmul(&df, &x_f)),
            saved.needs(2).then(|| matmul_transposed(&df, &hx(), true, false)),
            saved.needs(3).then(|| matmul_transposed(&dg, &fhx(), true, false)),
        ];
        if saved.arity() > BIAS {
            gradients.push(saved.needs(BIAS).then(|| sum_axes(&d, Some(&[0]), false)));
        }
        gradients
    }
}

/// Columns of the state, and the others.
fn halves(x: &Variable, h: &Variable) -> [Variable; 2] {
    split_axis(x, [h.shape()[1]], 1).try_into().expect("two parts")
}

/// Cases of the function, which no name of its own is public for.
pub(super) fn cases() -> Vec<Case> {
    let case = |name, [b, u, i]: [usize; 3]| {
        Case::new(name, |x| mgu(&x[0], &x[1], &x[2], &x[3], Some(&x[4])))
            .input([b, u])
            .input([b, i])
            .input([u, u + i])
            .input([u, u + i])
            .input([2 * u])
    };
    vec![
        case("n_step_gru/minimal", [2, 3, 2]),
        case("n_step_gru/minimal_alike", [3, 2, 2]),
        case("n_step_gru/minimal_no_rows", [0, 2, 2]),
        Case::new("n_step_gru/minimal_without_bias", |x| mgu(&x[0], &x[1], &x[2], &x[3], None))
            .input([2, 2])
            .input([2, 1])
            .input([2, 3])
            .input([2, 3]),
        Case::new("n_step_gru/minimal_two_steps", |x| {
            mgu(&mgu(&x[0], &x[1], &x[3], &x[4], Some(&x[5])), &x[2], &x[3], &x[4], Some(&x[5]))
        })
        .input([2, 2])
        .input([2, 2])
        .input([2, 2])
        .input([2, 4])
        .input([2, 4])
        .input([4]),
    ]
}
