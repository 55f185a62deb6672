use super::Reduce;
use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map},
        math::sum_axes,
    },
    shape::{self, ensure},
    tensor::{Real, Wgsl, expect, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("loss/error.wgsl")];

/// Huber's loss of `d = x - t`, `d^2 / 2` where `|d| <= delta` and `delta * (|d| - delta / 2)` beyond, summed along axis 1.
///
/// Floats of one shape of two axes or more.
///
/// Launches: 1 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes differ, or there is no axis 1.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::from_slice(&[1.0f32, 4.0], [1, 2], &Device::cpu()));
/// let t = Variable::new(Tensor::zeros([1, 2], DType::F32, &Device::cpu()));
/// assert_eq!(F::huber_loss(&x, &t, 1.0).data().to_vec::<f32>().unwrap(), [4.0]);
/// ```
#[track_caller]
pub fn huber_loss(x: &Variable, t: &Variable, delta: f64) -> Variable {
    huber_loss_with(x, t, delta, Reduce::Sum)
}

/// As [`huber_loss`]: summed along axis 1, or the loss of each element, of any shape.
///
/// # Panics
/// As [`huber_loss`]; when the mean is asked for, which Chainer does not have.
#[track_caller]
pub fn huber_loss_with(x: &Variable, t: &Variable, delta: f64, reduce: Reduce) -> Variable {
    super::same_shape(Huber::NAME, x, t);
    let check = || {
        ensure!(reduce != Reduce::Mean, "reduce: the sum along axis 1 or none", "the mean");
        if reduce == Reduce::Sum {
            shape::axis(1, x.ndim())?;
        }
        Ok(())
    };
    expect(Huber::NAME, check(), &[x.data(), t.data()]);
    let y = map(Huber(delta), [x, t]);
    if reduce == Reduce::Sum { sum_axes(&y, Some(&[1]), false) } else { y }
}

#[derive(Debug, Clone)]
struct Huber(f64);

impl Elementwise<2, 1> for Huber {
    const NAME: &str = "huber_loss";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([a, b]: [R; 2], [delta]: [R; 1]) -> R {
        let d = R::abs(a - b);
        R::select(d > delta, delta * (d - R::HALF * delta), R::HALF * d * d)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let g = map(Gradient(self.0), [saved.input(0), saved.input(1), gy]);
        [Some(g.clone()), saved.needs(1).then(|| -g)]
    }
}

/// `(a - b)` within `-delta..delta`, times `gy`.
#[derive(Debug, Clone)]
struct Gradient(f64);

impl Elementwise<3, 1> for Gradient {
    const NAME: &str = "huber_loss_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([a, b, gy]: [R; 3], [delta]: [R; 1]) -> R {
        R::min(R::max(a - b, -delta), delta) * gy
    }

    fn backward(&self, saved: &Saved, g: &Variable) -> [Option<Variable>; 3] {
        let [a, b, gy] = std::array::from_fn(|i| saved.input(i));
        let gx = map(Mask(self.0), [a, b, &(gy * g)]);
        [Some(gx.clone()), saved.needs(1).then(|| -gx), saved.needs(2).then(|| map(self.clone(), [a, b, g]))]
    }
}

/// `g` where `|a - b| <= delta`, else 0.
#[derive(Debug, Clone)]
struct Mask(f64);

impl Elementwise<3, 1> for Mask {
    const NAME: &str = "huber_loss_mask";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([a, b, g]: [R; 3], [delta]: [R; 1]) -> R {
        R::select(R::abs(a - b) <= delta, g, R::ZERO)
    }

    fn backward(&self, saved: &Saved, gg: &Variable) -> [Option<Variable>; 3] {
        [None, None, Some(map(self.clone(), [saved.input(0), saved.input(1), gg]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    use ndarray::arr1;
    vec![
        Case::new("huber_loss", |x| huber_loss(&x[0], &x[1], 0.5)).input([3, 4]).input([3, 4]),
        Case::new("huber_loss/wide", |x| huber_loss(&x[0], &x[1], 5.0)).input([3, 4, 2]).input([3, 4, 2]),
        Case::new("huber_loss/each", |x| huber_loss_with(&x[0], &x[1], 0.3, Reduce::No)).input([5]).input([5]),
        Case::new("huber_loss/kink", |x| huber_loss_with(&x[0], &x[1], 0.5, Reduce::No))
            .exact(arr1(&[0.5f64, -0.5, 0.0, 2.0, -2.0]).into_dyn())
            .exact(arr1(&[0.0f64; 5]).into_dyn())
            .order(1),
    ]
}
