use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

/// The larger of two values, over the broadcast shape; NaN where either is.
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
/// assert_eq!(F::maximum(&a, &b).data().to_vec::<f32>().unwrap(), [3.0, 2.0]);
/// ```
#[track_caller]
pub fn maximum(a: &Variable, b: &Variable) -> Variable {
    map(Maximum, [a, b])
}

impl Tensor {
    /// The larger of two values: see [`maximum`].
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: &Tensor) -> Tensor {
        map_tensors(Maximum, [self, other])
    }
}

#[derive(Debug, Clone)]
struct Maximum;

impl Elementwise<2> for Maximum {
    const NAME: &str = "maximum";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        R::max(a, b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (a, b) = (saved.input(0), saved.input(1));
        [saved.needs(0).then(|| pass_ge(a, b, gy)), saved.needs(1).then(|| pass_lt(a, b, gy))]
    }
}

/// `gy` where `a >= b`, else 0.
#[track_caller]
pub(super) fn pass_ge(a: &Variable, b: &Variable, gy: &Variable) -> Variable {
    map(PassGe, [a, b, gy])
}

/// 0 where `a >= b`, else `gy`.
#[track_caller]
pub(super) fn pass_lt(a: &Variable, b: &Variable, gy: &Variable) -> Variable {
    map(PassLt, [a, b, gy])
}

#[derive(Debug, Clone)]
struct PassGe;

impl Elementwise<3> for PassGe {
    const NAME: &str = "pass_ge";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0).input(1);

    fn reference<R: Real>([a, b, gy]: [R; 3], []: [R; 0]) -> R {
        R::select(a >= b, gy, R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 3] {
        [None, None, Some(pass_ge(saved.input(0), saved.input(1), ggx))]
    }
}

#[derive(Debug, Clone)]
struct PassLt;

impl Elementwise<3> for PassLt {
    const NAME: &str = "pass_lt";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0).input(1);

    fn reference<R: Real>([a, b, gy]: [R; 3], []: [R; 0]) -> R {
        R::select(a >= b, R::ZERO, gy)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 3] {
        [None, None, Some(pass_lt(saved.input(0), saved.input(1), ggx))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let ties = || arr1(&[1.0f64, 2.0, 3.0, f64::NAN]).into_dyn();
    let others = || arr1(&[1.0f64, 3.0, 2.0, 0.0]).into_dyn();
    vec![
        Case::new("maximum", |x| maximum(&x[0], &x[1])).input([3, 5]).input_in([3, 5], 1.05, 2.0),
        Case::new("maximum/mixed", |x| maximum(&x[0], &(&x[0] * &x[1])))
            .input_in([9], 0.5, 2.0)
            .input_in([9], 0.0, 2.0)
            .avoiding(1.0),
        Case::new("maximum/broadcast", |x| maximum(&(&x[0] * 9.0), &x[1])).input([3, 1]).avoiding(0.0).input_in(
            [2, 1, 4],
            -0.4,
            0.4,
        ),
        Case::new("maximum/ties", |x| maximum(&x[0], &x[1])).exact(ties()).exact(others()).order(0),
        Case::many("maximum/ties_gradient", |x| vec![pass_ge(&x[0], &x[1], &x[2]), pass_lt(&x[0], &x[1], &x[2])])
            .exact(ties())
            .exact(others())
            .input([4])
            .order(0),
        Case::new("maximum/integers", |x| maximum(&x[0], &x[1])).integers([7], -9, 9).integers([7], -9, 9),
    ]
}
