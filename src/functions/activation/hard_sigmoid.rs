use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("activation/clipped.wgsl")];

/// Piecewise linear sigmoid, `min(max(0.2 * x + 0.5, 0), 1)`.
///
/// The gradient at exactly -2.5 and 2.5 is zero. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-3.0f32, 0.0, 3.0], [3], &Device::cpu()));
/// assert_eq!(F::hard_sigmoid(&x).data().to_vec::<f32>().unwrap(), [0.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn hard_sigmoid(x: &Variable) -> Variable {
    map(HardSigmoid, [x])
}

#[derive(Debug, Clone)]
struct HardSigmoid;

impl Elementwise<1> for HardSigmoid {
    const NAME: &str = "hard_sigmoid";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        let y = x * R::of(0.2) + R::HALF;
        R::select(y > R::ONE, R::ONE, R::select(y < R::ZERO, R::ZERO, y))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(HardSigmoidGrad, [saved.input(0), gy]))]
    }
}

/// `0.2 * gy` where `|x| < 2.5`, else 0.
#[derive(Debug, Clone)]
struct HardSigmoidGrad;

impl Elementwise<2> for HardSigmoidGrad {
    const NAME: &str = "hard_sigmoid_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn reference<R: Real>([x, gy]: [R; 2], []: [R; 0]) -> R {
        R::select(R::abs(x) < R::of(2.5), gy * R::of(0.2), R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(HardSigmoidGrad, [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let kinks = || arr1(&[-2.5f64, 2.5, -3.0, 3.0, 0.5, f64::NAN]).into_dyn();
    vec![
        Case::new("hard_sigmoid", |x| hard_sigmoid(&x[0])).input_in([3, 5], -4.0, 4.0).avoiding(-2.5).avoiding(2.5),
        Case::new("hard_sigmoid/kinks", |x| hard_sigmoid(&x[0])).exact(kinks()).order(0),
        Case::new("hard_sigmoid/kinks_gradient", |x| map(HardSigmoidGrad, [&x[0], &x[1]]))
            .exact(kinks())
            .input([6])
            .order(0),
    ]
}
