use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

/// The absolute value, `|x|`.
///
/// The gradient at zero is zero.
///
/// Any shape; numbers.
///
/// # Panics
/// When `x` is a truth value.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[3.0f32, -2.0], [2], &Device::cpu()));
/// assert_eq!(F::absolute(&x).data().to_vec::<f32>().unwrap(), [3.0, 2.0]);
/// ```
#[track_caller]
pub fn absolute(x: &Variable) -> Variable {
    map(Absolute, [x])
}

impl Tensor {
    /// `|x|`: see [`absolute`].
    ///
    /// # Panics
    /// When it is a truth value.
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        map_tensors(Absolute, [self])
    }
}

#[derive(Debug, Clone)]
struct Absolute;

impl Elementwise<1> for Absolute {
    const NAME: &str = "absolute";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::abs(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(AbsoluteGrad, [saved.input(0), gy]))]
    }
}

/// `gy` with the sign of `x`, and zero where that is zero.
#[derive(Debug, Clone)]
struct AbsoluteGrad;

impl Elementwise<2> for AbsoluteGrad {
    const NAME: &str = "absolute_grad";
    const FILES: &[Wgsl] = &[wgsl!("math/sign.wgsl")];
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn reference<R: Real>([x, gy]: [R; 2], []: [R; 0]) -> R {
        R::sign(x) * gy
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(AbsoluteGrad, [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("absolute", |x| absolute(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("absolute/kink", |x| absolute(&x[0])).exact(arr1(&[0.0f64, -0.0, 1.0, -1.0]).into_dyn()).order(0),
        Case::new("absolute/kink_gradient", |x| map(AbsoluteGrad, [&x[0], &x[1]]))
            .exact(arr1(&[0.0f64, -0.0, 1.0, -1.0]).into_dyn())
            .input([4])
            .order(0),
        Case::new("absolute/integers", |x| absolute(&x[0])).integers([7], -9, 9),
    ]
}
