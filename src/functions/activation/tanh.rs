use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("activation/tanh.wgsl")];

/// The hyperbolic tangent.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[0.0f32, 20.0], [2], &Device::cpu()));
/// assert_eq!(F::tanh(&x).data().to_vec::<f32>().unwrap(), [0.0, 1.0]);
/// ```
#[track_caller]
pub fn tanh(x: &Variable) -> Variable {
    map(Tanh, [x])
}

impl Tensor {
    /// The hyperbolic tangent: see [`tanh`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        map_tensors(Tanh, [self])
    }
}

#[derive(Debug, Clone)]
struct Tanh;

impl Elementwise<1> for Tanh {
    const NAME: &str = "tanh";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::tanh(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(TanhGrad, [saved.output(0), gy]))]
    }
}

/// `gy * (1 - y * y)`
#[derive(Debug, Clone)]
struct TanhGrad;

impl Elementwise<2> for TanhGrad {
    const NAME: &str = "tanh_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([y, gy]: [R; 2], []: [R; 0]) -> R {
        gy * (R::ONE - y * y)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        let of_y = saved.needs(0).then(|| ggx * saved.input(1) * saved.input(0) * -2.0);
        [of_y, saved.needs(1).then(|| map(TanhGrad, [saved.input(0), ggx]))]
    }
}

/// `gy * (1 - y * y)`: the gradient at a result `y`.
pub(in crate::functions) fn tanh_grad(y: &Variable, gy: &Variable) -> Variable {
    map(TanhGrad, [y, gy])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tanh", |x| tanh(&x[0])).input([3, 5]),
        Case::new("tanh/wide", |x| tanh(&x[0])).input_in([100], -12.0, 12.0).order(1),
        Case::new("tanh/limits", |x| tanh(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 200.0, -200.0, 0.0]).into_dyn())
            .order(0),
        Case::new("tanh/empty", |x| tanh(&x[0])).input([0, 3]),
    ]
}
