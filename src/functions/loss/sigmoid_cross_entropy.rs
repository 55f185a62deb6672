use super::Reduce;
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::family::{Elementwise, map, map_tensors},
    kernel::cross_entropy::valid_mean,
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::{arr1, arr2};

const FILES: &[Wgsl] = &[wgsl!("loss/sigmoid_cross_entropy.wgsl")];

/// The mean over targets of `-t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x))` for targets of 0 and 1.
///
/// `t` is `int32` of the shape of `x`; where it is -1 it counts for nothing. The loss is 0 where all are ignored.
///
/// Launches: 2 forward, 1 backward.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::zeros([3], DType::F32, &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[0, 1, -1], [3], &Device::cpu()));
/// assert!((F::sigmoid_cross_entropy(&x, &t).item().unwrap() - 2f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn sigmoid_cross_entropy(x: &Variable, t: &Variable) -> Variable {
    sigmoid_cross_entropy_with(x, t, true, Reduce::Mean)
}

/// As [`sigmoid_cross_entropy`]; without `normalize` the sum is divided by the batch size instead of the number of
/// targets that count.
///
/// # Panics
/// As [`sigmoid_cross_entropy`]; when the sum is asked for, which Chainer does not have.
#[track_caller]
pub fn sigmoid_cross_entropy_with(x: &Variable, t: &Variable, normalize: bool, reduce: Reduce) -> Variable {
    apply(Loss { normalize, reduce }, &[x, t])
}

#[derive(Debug)]
struct Loss {
    normalize: bool,
    reduce: Reduce,
}

impl Function for Loss {
    fn name(&self) -> &'static str {
        Each::NAME
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (x, t) = (&xs[0], &xs[1]);
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        ensure!(t.dtype, ==, DType::I32);
        ensure!(x.shape, ==, t.shape);
        ensure!(self.reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        let shape = if self.reduce == Reduce::Mean { Shape::scalar() } else { x.shape.clone() };
        Ok(vec![Meta::new(shape, x.dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let x = &xs[0];
        let label = xs[1].cast(x.dtype());
        let losses = map_tensors(Each, [x, &label]);
        let number = |v: f64| Tensor::full((), v, x.dtype(), x.device());
        let (y, scale) = match self.reduce {
            Reduce::Mean if self.normalize => {
                let (y, scale) = valid_mean(&losses, &label);
                (y, scale.cast(x.dtype()))
            }
            Reduce::Mean => {
                let scale = 1.0 / x.shape().first().copied().unwrap_or(1).max(1) as f64;
                (losses.sum(None, false).mul_scalar(scale), number(scale))
            }
            _ => (losses, number(1.0)),
        };
        Forward::with_extras(y, vec![label, scale])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None, None] };
        let [label, scale] = std::array::from_fn(|i| Variable::constant(saved.extra(i).clone()));
        vec![Some(map(Gradient, [saved.input(0), &label, &scale, gy])), None]
    }
}

/// The loss of each target: 0 below 0, which is to ignore.
#[derive(Debug, Clone)]
struct Each;

impl Elementwise<2> for Each {
    const NAME: &str = "sigmoid_cross_entropy";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, label]: [R; 2], []: [R; 0]) -> R {
        // Nothing of an infinite x where the label is what its sign says.
        let off = R::select(x >= R::ZERO, R::ONE, R::ZERO) - label;
        let y = R::select(off == R::ZERO, R::ZERO, x * off) + R::ln_1p_exp(-R::abs(x));
        R::select(label < R::ZERO, R::ZERO, y)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let one = Variable::constant(Tensor::ones((), gy.dtype(), gy.device()));
        [Some(map(Gradient, [saved.input(0), saved.input(1), &one, gy])), None]
    }
}

/// `(sigmoid(x) - label) * scale * gy`, 0 where the label is ignored.
#[derive(Debug, Clone)]
struct Gradient;

impl Elementwise<4> for Gradient {
    const NAME: &str = "sigmoid_cross_entropy_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, label, scale, gy]: [R; 4], []: [R; 0]) -> R {
        R::select(label < R::ZERO, R::ZERO, (R::sigmoid(x) - label) * (scale * gy))
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 4] {
        let [x, label, scale, gy] = std::array::from_fn(|i| saved.input(i));
        let gx = saved.needs(0).then(|| map(Slope, [x, label, &(scale * gy * ggx)]));
        let ggy = saved.needs(3).then(|| map(Gradient, [x, label, scale, ggx]));
        [gx, None, None, ggy]
    }
}

/// `sigmoid(x) * (1 - sigmoid(x)) * g`, 0 where the label is ignored.
#[derive(Debug, Clone)]
struct Slope;

impl Elementwise<3> for Slope {
    const NAME: &str = "sigmoid_cross_entropy_slope";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, label, g]: [R; 3], []: [R; 0]) -> R {
        let y = R::sigmoid(x);
        R::select(label < R::ZERO, R::ZERO, y * R::sigmoid(-x) * g)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 3] {
        let [x, label, g] = std::array::from_fn(|i| saved.input(i));
        // 1 - 2 sigmoid(x) is -2 times the gradient for the label 1/2.
        let gx = saved.needs(0).then(|| {
            let number = |v: f64| Variable::constant(Tensor::full((), v, x.dtype(), x.device()));
            map(Slope, [x, label, &map(Gradient, [x, &number(0.5), &number(-2.0), &(g * gy)])])
        });
        [gx, None, saved.needs(2).then(|| map(Slope, [x, label, gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |what: &str, normalize: bool, reduce: Reduce| {
        let name = format!("sigmoid_cross_entropy/{what}");
        Case::new(name, move |x| sigmoid_cross_entropy_with(&x[0], &x[1], normalize, reduce))
    };
    vec![
        Case::new("sigmoid_cross_entropy", |x| sigmoid_cross_entropy(&x[0], &x[1]))
            .input_in([4, 3], -3.0, 3.0)
            .integers([4, 3], -1, 2),
        case("by_batch", false, Reduce::Mean).input([4, 3]).integers([4, 3], -1, 2),
        case("each", true, Reduce::No).input([4, 3]).integers([4, 3], -1, 2),
        case("all_ignored", true, Reduce::Mean).input([2]).exact(arr1(&[-1, -1]).into_dyn()),
        case("empty", true, Reduce::Mean).input([0, 2]).integers([0, 2], 0, 1),
        case("large", true, Reduce::No)
            .exact(arr2(&[[200.0, -200.0, 20.0, -20.0, 0.0], [200.0, -200.0, 20.0, -20.0, 0.0]]).into_dyn())
            .exact(arr2(&[[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).into_dyn())
            .order(0),
    ]
}
