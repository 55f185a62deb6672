use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("activation/relu.wgsl")];

/// Rectified linear unit, `max(x, 0)`.
///
/// The gradient at exactly zero is zero. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::relu(&x).data().to_vec::<f32>().unwrap(), [0.0, 2.0]);
/// ```
#[track_caller]
pub fn relu(x: &Variable) -> Variable {
    map(Relu, [x])
}

impl Tensor {
    /// `max(x, 0)`: see [`relu`].
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        map_tensors(Relu, [self])
    }
}

#[derive(Debug, Clone)]
struct Relu;

impl Elementwise<1> for Relu {
    const NAME: &str = "relu";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::max(x, R::ZERO)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(ReluGrad, [saved.output(0), gy]))]
    }
}

/// `gy` where `y > 0`, else 0.
#[derive(Debug, Clone)]
struct ReluGrad;

impl Elementwise<2> for ReluGrad {
    const NAME: &str = "relu_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);
    const CHEAP: bool = true;

    fn reference<R: Real>([y, gy]: [R; 2], []: [R; 0]) -> R {
        R::select(y > R::ZERO, gy, R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(ReluGrad, [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("relu", |x| relu(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("relu/kink", |x| relu(&x[0])).exact(arr1(&[0.0f64, -0.0, 1.0, -1.0, f64::NAN]).into_dyn()).order(0),
        Case::new("relu/empty", |x| relu(&x[0])).input([0, 3]),
        Case::new("relu/scalar", |x| relu(&x[0])).input(()).avoiding(0.0),
    ]
}
