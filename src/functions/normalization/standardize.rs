//! What batch, layer and group normalisation share: `y = (x - mean) / sqrt(var + eps) * gamma + beta` with mean and
//! variance over some axes.
//!
//! Launches, with `k` = 2 where a row is shared by several workgroups (see [`moments`]), else 1:
//! forward `k` for the statistics, running ones with them, and one elementwise kernel, into which the fuser takes what
//! follows; for rows of neighbouring elements with factors of their own (layer normalisation), one launch for all of it.
//! Backward `k` for the sums and one elementwise kernel; for such rows one launch, and on a GPU `k` for the gradients of
//! the factors, which a CPU adds up in that one. On a GPU `x` is read three times forward, twice of them for the
//! statistics; `x` and the gradient are read twice backward, a third time for the gradients of such factors.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        composite::gradients_of,
        math::{mean_axes, rsqrt, square, sum_to},
    },
    kernel::{
        moments::{Running, moments, sum_and_dot, wide},
        normalize::{LONGEST, normalize_rows, normalize_rows_grad},
    },
    shape::{Axes, InvalidType, Meta, Shape, ensure, reduced},
    tensor::{Op, Pointwise, Real, Scalar, Tensor, Wgsl, block, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("normalization/normalized.wgsl")];

macro_rules! op {
    ($op:ident, $name:literal, $n:literal, $k:literal, |$x:pat_param, $s:pat_param| $value:expr) => {
        const $op: Op = {
            struct At;
            impl Pointwise<$n, $k> for At {
                #[inline(always)]
                fn at<R: Real>($x: [R; $n], $s: [R; $k]) -> R {
                    $value
                }
            }
            Op {
                name: $name,
                files: FILES,
                arity: $n,
                indexed: false,
                cheap: false,
                f32: block::<f32, At, $n, $k>,
                f64: block::<f64, At, $n, $k>,
            }
        };
    };
}
op!(NORMALIZED, "normalized", 5, 0, |[x, mean, scale, gamma, beta], []| (x - mean) * scale * gamma + beta);
op!(STANDARDIZED, "standardized", 3, 0, |[x, mean, scale], []| (x - mean) * scale);
op!(GRAD, "normalized_grad", 7, 1, |[x, gy, gamma, mean, scale, sum, dot], [part]| {
    scale * gamma * (gy - (sum + (x - mean) * scale * dot) * part)
});
op!(GRAD_WITHIN, "normalized_grad_within", 7, 1, |[x, gy, gamma, mean, scale, sum, dot], [part]| {
    scale * (gy * gamma - (sum + (x - mean) * scale * dot) * part)
});

/// `gamma` and `beta` are given with as many axes as `x`, broadcastable to it, and so are running statistics.
#[derive(Debug, Clone)]
pub(super) struct Standardize {
    pub name: &'static str,
    /// Axes of mean and variance.
    pub axes: Axes,
    pub eps: f64,
    /// What stays of running statistics, inputs 3 and 4, that move on as outputs 1 and 2.
    pub decay: Option<f64>,
}

impl Standardize {
    /// `y`, and with running statistics their new values.
    #[track_caller]
    pub fn call(self, x: &Variable, gamma: &Variable, beta: &Variable, running: Option<[&Tensor; 2]>) -> Vec<Variable> {
        let running: Vec<Variable> = running.iter().flatten().map(|&t| Variable::constant(t.clone())).collect();
        let inputs: Vec<&Variable> = [x, gamma, beta].into_iter().chain(&running).collect();
        apply_all(self, &inputs)
    }
}

/// Whether rows are neighbouring elements, not too many, and the factors run along them.
fn by_rows(shape: &Shape, axes: &[usize], gamma: &Shape) -> bool {
    let count = shape.len() - axes.len();
    let last = shape.size() > 0 && axes.iter().all(|&a| a >= count);
    last && gamma[..count].iter().all(|&d| d == 1) && gamma[count..] == shape[count..] && gamma.size() <= LONGEST
}

/// The axes along which the factors stand still.
fn repeated(gamma: &Shape) -> Axes {
    (0..gamma.len()).filter(|&i| gamma[i] == 1).collect()
}

impl Function for Standardize {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let [x, gamma, beta] = [&xs[0], &xs[1], &xs[2]];
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        for (name, of) in [("gamma", gamma), ("beta", beta)] {
            let fits = of.dtype == x.dtype || of.dtype == wide(x.dtype);
            ensure!(fits, format!("{name}.dtype == x.dtype"), "{} != {}", of.dtype, x.dtype);
        }
        Ok(std::iter::once(x.clone()).chain(xs[3..].iter().cloned()).collect())
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let [x, gamma, beta] = [&xs[0], &xs[1], &xs[2]];
        let running = &xs[3..];
        let kept = reduced(x.shape(), &self.axes, true);
        if x.size() == 0 {
            let none = || Tensor::zeros(kept.clone(), wide(x.dtype()), x.device());
            let outputs: Vec<Tensor> = std::iter::once(x).chain(running).cloned().collect();
            return Forward::with_extras(outputs, vec![none(), none()]);
        }
        if running.is_empty() && by_rows(x.shape(), &self.axes, gamma.shape()) {
            let (y, statistics) = normalize_rows(x, gamma, beta, self.eps);
            let plane = |i: usize| statistics.narrow(0, i, 1).with_shape(&kept);
            return Forward::with_extras(y, vec![plane(0), plane(1), statistics]);
        }
        let before = self.decay.map(|decay| Running { mean: &running[0], var: &running[1], decay });
        let of = moments(x, &self.axes, self.eps, before.as_ref());
        let args = [x, &of.mean, &of.scale, gamma, beta];
        let y = Tensor::map(NORMALIZED, &[], &args, x.shape().clone(), x.dtype());
        let outputs: Vec<Tensor> = std::iter::once(y).chain(of.running.into_iter().flatten()).collect();
        Forward::with_extras(outputs, vec![of.mean, of.scale])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let mut gxs = vec![None; saved.arity()];
        let Some(gy) = &gys[0] else { return gxs };
        let beta = saved.meta(2);
        let wanted = [saved.needs(0), saved.needs(1), saved.needs(2)];
        let gradient = StandardizeGrad {
            of: self.clone(),
            statistics: [saved.extra(0).clone(), saved.extra(1).clone()],
            rows: by_rows(gy.shape(), &self.axes, &saved.meta(1).shape).then(|| saved.extra(2).clone()),
            wanted,
            beta: beta.clone(),
        };
        let mut found = apply_all(gradient, &[saved.input(0), saved.input(1), gy]).into_iter();
        for (gx, wanted) in gxs.iter_mut().zip(wanted) {
            *gx = if wanted { found.next() } else { None };
        }
        gxs
    }
}

/// `(x, gamma, gy)` to the gradients that are wanted of `x`, `gamma` and `beta`.
#[derive(Debug)]
struct StandardizeGrad {
    of: Standardize,
    statistics: [Tensor; 2],
    rows: Option<Tensor>,
    wanted: [bool; 3],
    beta: Meta,
}

impl StandardizeGrad {
    /// The same in variables, mean and variance with it.
    fn composed(&self, xs: &[Variable]) -> Vec<Variable> {
        let [x, gamma, gy] = xs else { unreachable!("three inputs") };
        let axes: Vec<isize> = self.of.axes.iter().map(|&a| a as isize).collect();
        let mean = |v: &Variable| mean_axes(v, Some(&axes), true);
        let wider = |v: &Variable| crate::functions::array::cast(v, x.dtype());
        let centred = x - mean(x);
        let scale = rsqrt(&(mean(&square(&centred)) + self.of.eps));
        let standard = centred * &scale;
        let g = gy * wider(gamma);
        let gx = &scale * (&g - mean(&g) - &standard * mean(&(&g * &standard)));
        let ggamma = || crate::functions::array::cast(&sum_to(&(gy * &standard), gamma.shape().clone()), gamma.dtype());
        let gbeta = || crate::functions::array::cast(&sum_to(gy, self.beta.shape.clone()), self.beta.dtype);
        let mut found = vec![];
        if self.wanted[0] {
            found.push(gx);
        }
        if self.wanted[1] {
            found.push(ggamma());
        }
        if self.wanted[2] {
            found.push(gbeta());
        }
        found
    }

    /// Sums over `over` and of which axes are left to sum.
    fn totals(sums: &Tensor, over: &[usize]) -> Tensor {
        let left: Vec<isize> = over.iter().filter(|&&a| sums.shape()[a + 1] != 1).map(|&a| a as isize + 1).collect();
        if left.is_empty() { sums.clone() } else { sums.sum(Some(&left), true) }
    }
}

/// One of two planes.
fn plane(sums: &Tensor, i: usize) -> Tensor {
    let shape: Shape = sums.shape()[1..].iter().copied().collect();
    sums.narrow(0, i, 1).with_shape(&shape)
}

impl Function for StandardizeGrad {
    fn name(&self) -> &'static str {
        "normalization_grad"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let all = [xs[0].clone(), xs[1].clone(), self.beta.clone()];
        Ok(all.into_iter().zip(self.wanted).filter(|(_, wanted)| *wanted).map(|(meta, _)| meta).collect())
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let [x, gamma, gy] = [&xs[0], &xs[1], &xs[2]];
        let [want_x, want_gamma, want_beta] = self.wanted;
        if x.size() == 0 {
            let all =
                [x.clone(), gamma.full_like(0.0), Tensor::zeros(self.beta.shape.clone(), self.beta.dtype, x.device())];
            return all.into_iter().zip(self.wanted).filter_map(|(t, w)| w.then_some(t)).collect::<Vec<_>>().into();
        }
        let axes = &self.of.axes;
        let over = repeated(gamma.shape());
        let [mean, scale] = &self.statistics;
        let stand = |i: &[&Tensor]| Tensor::map(STANDARDIZED, &[], i, x.shape().clone(), wide(x.dtype()));
        let standard = || stand(&[x, mean, scale]);
        let part = axes.iter().map(|&a| x.shape()[a]).product::<usize>() as f64;
        let of_x = |op: Op, sums: &Tensor| {
            let (sum, dot) = (plane(sums, 0), plane(sums, 1));
            let args = [x, gy, gamma, mean, scale, &sum, &dot];
            Tensor::map(op, &[Scalar::F(1.0 / part)], &args, x.shape().clone(), x.dtype())
        };
        // Sums over the axes that statistics and factors share serve both.
        let shared: Vec<usize> = axes.iter().copied().filter(|a| over.contains(a)).collect();
        let same = |a: &[usize], b: &[usize]| a.iter().all(|i| b.contains(i) || x.shape()[*i] == 1);
        let (gx, sums) = if same(axes, &over) && same(&over, axes) {
            let sums = sum_and_dot(gy, standard(), axes);
            (want_x.then(|| of_x(GRAD, &sums)), Some(sums))
        } else if let (true, Some(rows)) = (want_x, &self.rows) {
            let sums = (want_gamma || want_beta).then(|| (standard(), &over[..]));
            let (gx, sums) = normalize_rows_grad(x, gamma, gy, rows, sums);
            (Some(gx), sums)
        } else if self.rows.is_some() {
            (None, Some(sum_and_dot(gy, standard(), &over)))
        } else {
            let common = (!shared.is_empty()).then(|| sum_and_dot(gy, standard(), &shared));
            let gx = want_x.then(|| {
                let sums = match &common {
                    Some(sums) => StandardizeGrad::totals(&sums.mul(&gamma.cast(sums.dtype())), axes),
                    None => {
                        let g = gy.cast(wide(gy.dtype())).mul(&gamma.cast(wide(gy.dtype())));
                        sum_and_dot(&g, standard(), axes)
                    }
                };
                of_x(GRAD_WITHIN, &sums)
            });
            let affine = (want_gamma || want_beta).then(|| match &common {
                Some(sums) => StandardizeGrad::totals(sums, &over),
                None => sum_and_dot(gy, standard(), &over),
            });
            (gx, affine)
        };
        let of = |i: usize, meta: &Meta| {
            let sums = sums.as_ref().expect("asked for above");
            plane(sums, i).with_shape(&meta.shape).cast(meta.dtype)
        };
        let mut found = vec![];
        found.extend(gx);
        if want_gamma {
            found.push(of(1, &gamma.meta()));
        }
        if want_beta {
            found.push(of(0, &self.beta));
        }
        found.into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let xs = [saved.input(0), saved.input(1), saved.input(2)];
        let wanted = [0, 1, 2].map(|i| saved.needs(i));
        gradients_of(|xs| self.composed(xs), &xs, &wanted, gys)
    }
}
