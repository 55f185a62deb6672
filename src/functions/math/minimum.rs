use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::maximum::{pass_ge, pass_lt},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

/// The smaller of two values, over the broadcast shape; NaN where either is.
///
/// Of two equal ones the first receives the gradient. Numbers of one dtype.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// let b = Variable::constant(Tensor::from_slice(&[3.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::minimum(&a, &b).data().to_vec::<f32>().unwrap(), [1.0, 2.0]);
/// ```
#[track_caller]
pub fn minimum(a: &Variable, b: &Variable) -> Variable {
    map(Minimum, [a, b])
}

impl Tensor {
    /// The smaller of two values: see [`minimum`].
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: &Tensor) -> Tensor {
        map_tensors(Minimum, [self, other])
    }
}

#[derive(Debug, Clone)]
struct Minimum;

impl Elementwise<2> for Minimum {
    const NAME: &str = "minimum";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        R::min(a, b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (a, b) = (saved.input(0), saved.input(1));
        // a <= b is b >= a, and a NaN makes both false.
        [saved.needs(0).then(|| pass_ge(b, a, gy)), saved.needs(1).then(|| pass_lt(b, a, gy))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let ties = || arr1(&[1.0f64, 2.0, 3.0, f64::NAN]).into_dyn();
    let others = || arr1(&[1.0f64, 3.0, 2.0, 0.0]).into_dyn();
    vec![
        Case::new("minimum", |x| minimum(&x[0], &x[1])).input([3, 5]).input_in([3, 5], 1.05, 2.0),
        Case::new("minimum/mixed", |x| minimum(&x[0], &(&x[0] * &x[1])))
            .input_in([9], 0.5, 2.0)
            .input_in([9], 0.0, 2.0)
            .avoiding(1.0),
        Case::new("minimum/broadcast", |x| minimum(&(&x[0] * 9.0), &x[1])).input([3, 1]).avoiding(0.0).input_in(
            [2, 1, 4],
            -0.4,
            0.4,
        ),
        Case::new("minimum/ties", |x| minimum(&x[0], &x[1])).exact(ties()).exact(others()).order(0),
        Case::new("minimum/integers", |x| minimum(&x[0], &x[1])).integers([7], -9, 9).integers([7], -9, 9),
    ]
}
