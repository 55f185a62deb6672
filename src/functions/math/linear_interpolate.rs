use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};

/// `p * x + (1 - p) * y` over the broadcast shape.
///
/// Floats of one dtype.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let v = |v: f32| Variable::constant(Tensor::scalar(v, &Device::cpu()));
/// assert_eq!(F::linear_interpolate(&v(0.25), &v(4.0), &v(8.0)).item().unwrap(), 7.0);
/// ```
#[track_caller]
pub fn linear_interpolate(p: &Variable, x: &Variable, y: &Variable) -> Variable {
    map(LinearInterpolate, [p, x, y])
}

#[derive(Debug, Clone)]
struct LinearInterpolate;

impl Elementwise<3> for LinearInterpolate {
    const NAME: &str = "linear_interpolate";
    const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([p, x, y]: [R; 3], []: [R; 0]) -> R {
        p * x + (R::ONE - p) * y
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 3] {
        let (p, x, y) = (saved.input(0), saved.input(1), saved.input(2));
        [saved.needs(0).then(|| (x - y) * gy), saved.needs(1).then(|| p * gy), saved.needs(2).then(|| (1.0 - p) * gy)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("linear_interpolate", |x| linear_interpolate(&x[0], &x[1], &x[2]))
            .input([3, 4])
            .input([3, 4])
            .input([3, 4]),
        Case::new("linear_interpolate/broadcast", |x| linear_interpolate(&x[0], &x[1], &x[2]))
            .input(())
            .input([3, 1])
            .input([4]),
    ]
}
