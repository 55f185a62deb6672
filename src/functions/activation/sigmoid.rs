use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("activation/sigmoid.wgsl")];

/// The logistic sigmoid, `1 / (1 + e^-x)`, for any finite `x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[0.0f32, -0.0], [2], &Device::cpu()));
/// assert_eq!(F::sigmoid(&x).data().to_vec::<f32>().unwrap(), [0.5, 0.5]);
/// ```
#[track_caller]
pub fn sigmoid(x: &Variable) -> Variable {
    map(Sigmoid, [x])
}

impl Tensor {
    /// `1 / (1 + e^-x)`: see [`sigmoid`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        map_tensors(Sigmoid, [self])
    }
}

#[derive(Debug, Clone)]
struct Sigmoid;

impl Elementwise<1> for Sigmoid {
    const NAME: &str = "sigmoid";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::sigmoid(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(SigmoidGrad, [saved.output(0), gy]))]
    }
}

/// `gy * y * (1 - y)`
#[derive(Debug, Clone)]
struct SigmoidGrad;

impl Elementwise<2> for SigmoidGrad {
    const NAME: &str = "sigmoid_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([y, gy]: [R; 2], []: [R; 0]) -> R {
        gy * y * (R::ONE - y)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        let of_y = saved.needs(0).then(|| ggx * saved.input(1) * (1.0 - saved.input(0) * 2.0));
        [of_y, saved.needs(1).then(|| map(SigmoidGrad, [saved.input(0), ggx]))]
    }
}

/// `gy * y * (1 - y)`: the gradient at a result `y`.
pub(in crate::functions) fn sigmoid_grad(y: &Variable, gy: &Variable) -> Variable {
    map(SigmoidGrad, [y, gy])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sigmoid", |x| sigmoid(&x[0])).input([3, 5]),
        Case::new("sigmoid/wide", |x| sigmoid(&x[0])).input_in([100], -12.0, 12.0).order(1),
        Case::new("sigmoid/limits", |x| sigmoid(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 200.0, -200.0, 0.0]).into_dyn())
            .order(0),
        Case::new("sigmoid/empty", |x| sigmoid(&x[0])).input([0, 3]),
    ]
}
