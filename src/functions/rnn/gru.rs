//! A step of gated recurrent units whose reset gate acts on the state itself, as in the link.

use super::gates::{Gates, or_zeros, total};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        activation::{sigmoid_grad, tanh_grad},
        array::split_axis,
        math::{matmul, matmul_transposed},
    },
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::Tensor,
};

/// The next state, `h' = h + z (g - h)`, where `r = s(x_r + U_r h)`, `z = s(x_z + U_z h)` and `g = tanh(x_g + U (r h))`.
///
/// `x` is `(B, 3 units)`, what the input gives to `r, z, g`; `h` is `(B, units)`, `u_rz` is `(2 units, units)` and `u` is
/// `(units, units)`.
#[track_caller]
pub(crate) fn gru(x: &Variable, h: &Variable, u_rz: &Variable, u: &Variable) -> Variable {
    apply_all(Gru, &[x, h, u_rz, u]).swap_remove(0)
}

/// The units of a state `h`, `(B, units)`, to which the input gives `x`, `(B, 3 units)`.
pub(super) fn units(x: &Meta, h: &Meta) -> Result<usize, InvalidType> {
    ensure!(x.ndim(), ==, 2);
    ensure!(h.ndim(), ==, 2);
    ensure!(x.shape[0], ==, h.shape[0]);
    ensure!(x.shape[1], ==, 3 * h.shape[1]);
    Ok(h.shape[1])
}

/// Further results are what its backward pass needs: the gates `r`, `z`, `g`, and `r h`.
#[derive(Debug)]
struct Gru;

const GATES: Gates = Gates::Blocks;

impl Function for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (x, h, u_rz, u) = (&xs[0], &xs[1], &xs[2], &xs[3]);
        let units = units(x, h)?;
        let squares = u_rz.shape[..] == [2 * units, units] && u.shape[..] == [units, units];
        let expected = format!("weights of shape ({}, {units}) and ({units}, {units})", 2 * units);
        ensure!(squares, expected, "{} and {}", u_rz.shape, u.shape);
        Ok(vec![h.clone(); 5])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1).input(2).input(3).output(1).output(2).output(3).output(4)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (h, x) = (&xs[1], |k| GATES.of_tensor(&xs[0], 3, k));
        let of_state = h.matmul(&xs[2], false, true);
        let s = |k| GATES.of_tensor(&of_state, 2, k);
        let (r, z) = (x(0).add(&s(0)).sigmoid(), x(1).add(&s(1)).sigmoid());
        let rh = r.mul(h);
        let g = x(2).add(&rh.matmul(&xs[3], false, true)).tanh();
        let next = h.add(&z.mul(&g.sub(h)));
        vec![next, r, z, g, rh].into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (h, u_rz, u) = (saved.input(1), saved.input(2), saved.input(3));
        let [r, z, g, rh] = [1, 2, 3, 4].map(|k| saved.output(k));
        // The gates have gradients of their own where a gradient is differentiated.
        let sum = |a: Option<Variable>, k: usize| or_zeros(total(a, &gys[k]), h);
        let gy = gys[0].as_ref();
        let dg = tanh_grad(g, &sum(gy.map(|gy| gy * z), 3));
        let g_rh = sum(Some(matmul(&dg, u)), 4);
        let dz = sigmoid_grad(z, &sum(gy.map(|gy| gy * (g - h)), 2));
        let dr = sigmoid_grad(r, &sum(Some(&g_rh * h), 1));
        let [gx, _] = GATES.join(vec![dr, dz, dg.clone()], vec![]);
        let of_state = split_axis(&gx, [2 * h.shape()[1]], 1).swap_remove(0);
        let gh = saved.needs(1).then(|| {
            let direct = &g_rh * r + matmul(&of_state, u_rz);
            match gy {
                Some(gy) => direct + gy * (1.0 - z),
                None => direct,
            }
        });
        let of_u_rz = saved.needs(2).then(|| matmul_transposed(&of_state, h, true, false));
        let of_u = saved.needs(3).then(|| matmul_transposed(&dg, rh, true, false));
        vec![Some(gx), gh, of_u_rz, of_u]
    }
}

/// Cases of the function, which no name of its own is public for.
pub(super) fn cases() -> Vec<Case> {
    let case = |name, [b, u]: [usize; 2]| {
        Case::new(name, |x| gru(&x[0], &x[1], &x[2], &x[3]))
            .input([b, 3 * u])
            .input([b, u])
            .input([2 * u, u])
            .input([u, u])
    };
    vec![
        case("n_step_gru/reset_first", [2, 3]),
        case("n_step_gru/reset_first_no_rows", [0, 2]),
        Case::new("n_step_gru/reset_first_two_steps", |x| gru(&x[1], &gru(&x[0], &x[2], &x[3], &x[4]), &x[3], &x[4]))
            .input([2, 6])
            .input([2, 6])
            .input([2, 2])
            .input([4, 2])
            .input([2, 2]),
    ]
}
