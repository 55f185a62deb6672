use crate::{
    autograd::{Case, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::add::expect_whole,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// `a - b` over the broadcast shape; also written `&a - &b`.
///
/// Numbers of one dtype.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!((5.0 - &x).data().to_vec::<f32>().unwrap(), [4.0, 3.0]);
/// ```
#[track_caller]
pub fn sub(a: &Variable, b: &Variable) -> Variable {
    map(Sub, [a, b])
}

/// `c - x` for a number `c`; also written `c - &x`.
#[track_caller]
pub(super) fn sub_from_constant(c: f64, x: &Variable) -> Variable {
    map(SubFromConstant(c), [x])
}

impl Tensor {
    /// `self - other` over the broadcast shape; also written `&a - &b`.
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn sub(&self, other: &Tensor) -> Tensor {
        map_tensors(Sub, [self, other])
    }
}

/// `c - x` for a number `c`; also written `c - &x`.
#[track_caller]
pub(super) fn scalar_sub(c: f64, x: &Tensor) -> Tensor {
    expect_whole("sub", x, c);
    map_tensors(SubFromConstant(c), [x])
}

#[derive(Debug, Clone)]
struct Sub;

impl Elementwise<2> for Sub {
    const NAME: &str = "sub";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        a - b
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        [Some(gy.clone()), saved.needs(1).then(|| -gy)]
    }
}

#[derive(Debug, Clone)]
struct SubFromConstant(f64);

impl Elementwise<1, 1> for SubFromConstant {
    const NAME: &str = "sub_from_constant";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        c - x
    }

    fn backward(&self, _: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(-gy)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sub", |x| sub(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("sub/broadcast", |x| sub(&x[0], &x[1])).input([3, 1]).input([2, 1, 4]),
        Case::new("sub/constant_right", |x| &x[0] - 2.5).input([2, 3]),
        Case::new("sub/constant_left", |x| 2.5 - &x[0]).input([2, 3]),
    ]
}
