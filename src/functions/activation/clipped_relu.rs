use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("activation/clipped.wgsl")];

/// Clipped rectified linear unit with the bound 20: see [`clipped_relu_with`].
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0, 50.0], [3], &Device::cpu()));
/// assert_eq!(F::clipped_relu(&x).data().to_vec::<f32>().unwrap(), [0.0, 2.0, 20.0]);
/// ```
#[track_caller]
pub fn clipped_relu(x: &Variable) -> Variable {
    clipped_relu_with(x, 20.0)
}

/// `min(max(x, 0), z)`.
///
/// The gradient at exactly zero and exactly `z` is zero. Any shape; floats.
///
/// # Panics
/// When `x` is no float, or not `z > 0`.
#[track_caller]
pub fn clipped_relu_with(x: &Variable, z: f64) -> Variable {
    assert!(z > 0.0, "clipped_relu: expected z > 0, got {z}");
    map(ClippedRelu(z), [x])
}

#[derive(Debug, Clone)]
struct ClippedRelu(f64);

impl Elementwise<1, 1> for ClippedRelu {
    const NAME: &str = "clipped_relu";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [z]: [R; 1]) -> R {
        R::select(x > z, z, R::select(x < R::ZERO, R::ZERO, x))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(ClippedReluGrad(self.0), [saved.input(0), gy]))]
    }
}

/// `gy` where `0 < x < z`, else 0.
#[derive(Debug, Clone)]
struct ClippedReluGrad(f64);

impl Elementwise<2, 1> for ClippedReluGrad {
    const NAME: &str = "clipped_relu_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x, gy]: [R; 2], [z]: [R; 1]) -> R {
        R::select((x > R::ZERO) & (x < z), gy, R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(ClippedReluGrad(self.0), [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let kinks = || arr1(&[0.0f64, 0.5, -1.0, 2.0, 0.25, f64::NAN]).into_dyn();
    vec![
        Case::new("clipped_relu", |x| clipped_relu_with(&x[0], 0.5)).input([3, 5]).avoiding(0.0).avoiding(0.5),
        Case::new("clipped_relu/kinks", |x| clipped_relu_with(&x[0], 0.5)).exact(kinks()).order(0),
        Case::new("clipped_relu/kinks_gradient", |x| map(ClippedReluGrad(0.5), [&x[0], &x[1]]))
            .exact(kinks())
            .input([6])
            .order(0),
    ]
}
