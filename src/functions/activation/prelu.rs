use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map},
        math::aligned,
    },
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr2;

const FILES: &[Wgsl] = &[wgsl!("activation/prelu.wgsl")];

/// Parametric rectified linear unit: `x` where it is not negative, else `w * x`.
///
/// `x` has shape `(n, ..)`, and `w` as many of the lengths after `n` as it has axes: none for one slope, the channels
/// for a slope each. Floats.
///
/// # Panics
/// When dtypes differ or are no floats, or `w` has another shape.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [1, 2], &Device::cpu()));
/// let w = Variable::new(Tensor::scalar(0.25f32, &Device::cpu()));
/// assert_eq!(F::prelu(&x, &w).data().to_vec::<f32>().unwrap(), [-0.25, 2.0]);
/// ```
#[track_caller]
pub fn prelu(x: &Variable, w: &Variable) -> Variable {
    let w = aligned("prelu", x, w, 1);
    map(Prelu, [x, &w])
}

/// `x` where it is not negative, else `w * x`, over the broadcast shape.
#[derive(Debug, Clone)]
pub(super) struct Prelu;

impl Elementwise<2> for Prelu {
    const NAME: &str = "prelu";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, w]: [R; 2], []: [R; 0]) -> R {
        R::select(x >= R::ZERO, x, x * w)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (x, w) = (saved.input(0), saved.input(1));
        [saved.needs(0).then(|| map(PreluPass, [x, w, gy])), saved.needs(1).then(|| map(WhereNegative, [x, &(x * gy)]))]
    }
}

/// `gy` where `x` is not negative, else `w * gy`.
#[derive(Debug, Clone)]
pub(super) struct PreluPass;

impl Elementwise<3> for PreluPass {
    const NAME: &str = "prelu_pass";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, w, gy]: [R; 3], []: [R; 0]) -> R {
        R::select(x >= R::ZERO, gy, gy * w)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 3] {
        let (x, w, gy) = (saved.input(0), saved.input(1), saved.input(2));
        [
            None,
            saved.needs(1).then(|| map(WhereNegative, [x, &(gy * ggx)])),
            saved.needs(2).then(|| map(PreluPass, [x, w, ggx])),
        ]
    }
}

/// `v` where `x` is negative, else 0.
#[derive(Debug, Clone)]
struct WhereNegative;

impl Elementwise<2> for WhereNegative {
    const NAME: &str = "where_negative";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn reference<R: Real>([x, v]: [R; 2], []: [R; 0]) -> R {
        R::select(x >= R::ZERO, R::ZERO, v)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, saved.needs(1).then(|| map(WhereNegative, [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("prelu", |x| prelu(&x[0], &x[1])).input([3, 5]).avoiding(0.0).input([5]),
        Case::new("prelu/scalar", |x| prelu(&x[0], &x[1])).input([3, 5]).avoiding(0.0).input(()),
        Case::new("prelu/channels", |x| prelu(&x[0], &x[1])).input([2, 3, 4]).avoiding(0.0).input([3]),
        Case::new("prelu/kink", |x| prelu(&x[0], &x[1]))
            .exact(arr2(&[[0.0f64, -1.0, 1.0]]).into_dyn())
            .input([3])
            .order(0),
        Case::new("prelu/kink_gradient", |x| map(PreluPass, [&x[0], &x[1], &x[2]]))
            .exact(arr2(&[[0.0f64, -1.0, 1.0]]).into_dyn())
            .input([3])
            .input([1, 3])
            .order(0),
    ]
}
