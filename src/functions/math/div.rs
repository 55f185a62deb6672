use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// `a / b` over the broadcast shape; also written `&a / &b`.
///
/// Floats of one dtype.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!((4.0 / &x).data().to_vec::<f32>().unwrap(), [4.0, 2.0]);
/// ```
#[track_caller]
pub fn div(a: &Variable, b: &Variable) -> Variable {
    map(Div, [a, b])
}

/// `c / x` for a number `c`; also written `c / &x`.
#[track_caller]
pub(super) fn div_from_constant(c: f64, x: &Variable) -> Variable {
    let _named = crate::shape::named("div");
    map(DivFromConstant(c), [x])
}

impl Tensor {
    /// `self / other` over the broadcast shape; also written `&a / &b`.
    ///
    /// # Panics
    /// When dtypes differ or are no floats, or shapes do not broadcast.
    #[track_caller]
    pub fn div(&self, other: &Tensor) -> Tensor {
        map_tensors(Div, [self, other])
    }

    /// `1 / self`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[4.0f32, 0.0], [2], &Device::cpu());
    /// assert_eq!(x.reciprocal().to_vec::<f32>().unwrap(), [0.25, f32::INFINITY]);
    /// ```
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn reciprocal(&self) -> Tensor {
        scalar_div(1.0, self)
    }
}

/// `c / x` for a number `c`; also written `c / &x`.
#[track_caller]
pub(super) fn scalar_div(c: f64, x: &Tensor) -> Tensor {
    map_tensors(DivFromConstant(c), [x])
}

#[derive(Debug, Clone)]
struct Div;

impl Elementwise<2> for Div {
    const NAME: &str = "div";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        a / b
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (a, b) = (saved.input(0), saved.input(1));
        let ga = gy / b;
        let gb = saved.needs(1).then(|| -(&ga * a / b));
        [Some(ga), gb]
    }
}

#[derive(Debug, Clone)]
struct DivFromConstant(f64);

impl Elementwise<1, 1> for DivFromConstant {
    const NAME: &str = "div_from_constant";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        c / x
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        let x = saved.input(0);
        [Some(gy * (-self.0 / (x * x)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("div", |x| div(&x[0], &x[1])).input([3, 4]).input_in([3, 4], 0.5, 2.0),
        Case::new("div/broadcast", |x| div(&x[0], &x[1])).input([3, 1]).input_in([2, 1, 4], -2.0, -0.5),
        Case::new("div/constant_right", |x| &x[0] / 2.5).input([2, 3]),
        Case::new("div/constant_left", |x| 2.5 / &x[0]).input_in([2, 3], 0.5, 2.0),
    ]
}
