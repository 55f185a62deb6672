use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::fix,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

/// The remainder of `x / y` with the sign of `x`, over the broadcast shape.
///
/// Floats of one dtype.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let v = |v: f32| Variable::constant(Tensor::scalar(v, &Device::cpu()));
/// assert_eq!(F::fmod(&v(-7.0), &v(3.0)).item().unwrap(), -1.0);
/// ```
#[track_caller]
pub fn fmod(x: &Variable, y: &Variable) -> Variable {
    map(Fmod, [x, y])
}

impl Tensor {
    /// The remainder of `self / other` with the sign of `self`: see [`fmod`].
    ///
    /// # Panics
    /// As [`fmod`].
    #[track_caller]
    pub fn fmod(&self, other: &Tensor) -> Tensor {
        map_tensors(Fmod, [self, other])
    }
}

#[derive(Debug, Clone)]
struct Fmod;

impl Elementwise<2> for Fmod {
    const NAME: &str = "fmod";
    const FILES: &[Wgsl] = &[wgsl!("math/rounding.wgsl")];
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, y]: [R; 2], []: [R; 0]) -> R {
        R::fmod(x, y)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (x, y) = (saved.input(0), saved.input(1));
        [Some(gy.clone()), saved.needs(1).then(|| -(fix(&(x / y)) * gy))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("fmod", |x| fmod(&x[0], &x[1])).input_in([3, 4], 2.1, 2.9).input_in([3, 4], 0.95, 1.0),
        Case::new("fmod/broadcast", |x| fmod(&x[0], &x[1])).input_in([3, 1], -2.9, -2.1).input_in([4], 0.95, 1.0),
        Case::new("fmod/signs", |x| fmod(&x[0], &x[1]))
            .exact(arr1(&[7.0, -7.0, 7.0, -7.0, 6.0, 0.5, 1000.25]).into_dyn())
            .exact(arr1(&[3.0, 3.0, -3.0, -3.0, 3.0, 3.0, 0.5]).into_dyn())
            .order(0),
    ]
}
