use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("activation/leaky_relu.wgsl")];

/// Leaky rectified linear unit with the slope 0.2: see [`leaky_relu_with`].
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::leaky_relu(&x).data().to_vec::<f32>().unwrap(), [-0.2, 2.0]);
/// ```
#[track_caller]
pub fn leaky_relu(x: &Variable) -> Variable {
    leaky_relu_with(x, 0.2)
}

/// `x` where it is not negative, else `slope * x`.
///
/// The gradient at exactly zero is `slope`. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn leaky_relu_with(x: &Variable, slope: f64) -> Variable {
    // The output shows the sign of the input, and whatever follows retains it too.
    if slope >= 0.0 { map(LeakyRelu::<true>(slope), [x]) } else { map(LeakyRelu::<false>(slope), [x]) }
}

/// `OUTPUT` is whether the gradient is computed from the output.
#[derive(Debug, Clone)]
struct LeakyRelu<const OUTPUT: bool>(f64);

impl<const OUTPUT: bool> Elementwise<1, 1> for LeakyRelu<OUTPUT> {
    const NAME: &str = "leaky_relu";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = if OUTPUT { Retain::OUTPUTS } else { Retain::INPUTS };

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [slope]: [R; 1]) -> R {
        R::select(x < R::ZERO, x * slope, x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        let sign = if OUTPUT { saved.output(0) } else { saved.input(0) };
        [Some(map(LeakyReluGrad(self.0), [sign, gy]))]
    }
}

/// `gy`, times the slope where `x <= 0`.
#[derive(Debug, Clone)]
struct LeakyReluGrad(f64);

impl Elementwise<2, 1> for LeakyReluGrad {
    const NAME: &str = "leaky_relu_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x, gy]: [R; 2], [slope]: [R; 1]) -> R {
        R::select(x <= R::ZERO, gy * slope, gy)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(LeakyReluGrad(self.0), [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let kink = || arr1(&[0.0f64, 1.0, -1.0, f64::NAN]).into_dyn();
    vec![
        Case::new("leaky_relu", |x| leaky_relu(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("leaky_relu/negative_slope", |x| leaky_relu_with(&x[0], -0.5)).input([3, 5]).avoiding(0.0),
        Case::new("leaky_relu/kink", |x| leaky_relu(&x[0])).exact(kink()).order(0),
        Case::new("leaky_relu/kink_gradient", |x| map(LeakyReluGrad(0.2), [&x[0], &x[1]]))
            .exact(kink())
            .input([4])
            .order(0),
    ]
}
