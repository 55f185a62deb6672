use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];

/// The exponential, `e^x`.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[0.0f32, 1.0], [2], &Device::cpu()));
/// assert_eq!(F::exp(&x).data().to_vec::<f32>().unwrap(), [1.0, std::f32::consts::E]);
/// ```
#[track_caller]
pub fn exp(x: &Variable) -> Variable {
    map(Exp, [x])
}

impl Tensor {
    /// `e^x`: see [`exp`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        map_tensors(Exp, [self])
    }
}

#[derive(Debug, Clone)]
struct Exp;

impl Elementwise<1> for Exp {
    const NAME: &str = "exp";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        R::exp(x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * saved.output(0))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("exp", |x| exp(&x[0])).input([3, 5]),
        Case::new("exp/large", |x| exp(&x[0])).input_in([40], -20.0, 3.0),
        Case::new("exp/limits", |x| exp(&x[0]))
            .exact(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -200.0]).into_dyn())
            .order(0),
        Case::new("exp/empty", |x| exp(&x[0])).input([0, 3]),
    ]
}
