use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::add::expect_whole,
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// `a * b` over the broadcast shape; also written `&a * &b`.
///
/// Numbers of one dtype.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!((&x * 3.0).data().to_vec::<f32>().unwrap(), [3.0, 6.0]);
/// ```
#[track_caller]
pub fn mul(a: &Variable, b: &Variable) -> Variable {
    map(Mul, [a, b])
}

/// `x * c` for a number `c`; also written `&x * c`.
#[track_caller]
pub(super) fn mul_constant(x: &Variable, c: f64) -> Variable {
    map(MulConstant(c), [x])
}

impl Tensor {
    /// `self * other` over the broadcast shape; also written `&a * &b`.
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn mul(&self, other: &Tensor) -> Tensor {
        map_tensors(Mul, [self, other])
    }

    /// `self * c`; also written `&a * c`.
    ///
    /// # Panics
    /// When it holds integers and `c` is none.
    #[track_caller]
    pub fn mul_scalar(&self, c: f64) -> Tensor {
        expect_whole("mul", self, c);
        map_tensors(MulConstant(c), [self])
    }
}

#[derive(Debug, Clone)]
struct Mul;

impl Elementwise<2> for Mul {
    const NAME: &str = "mul";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        a * b
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        [saved.needs(0).then(|| gy * saved.input(1)), saved.needs(1).then(|| gy * saved.input(0))]
    }
}

#[derive(Debug, Clone)]
struct MulConstant(f64);

impl Elementwise<1, 1> for MulConstant {
    const NAME: &str = "mul_constant";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        x * c
    }

    fn backward(&self, _: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * self.0)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("mul", |x| mul(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("mul/broadcast", |x| mul(&x[0], &x[1])).input([3, 1]).input([2, 1, 4]),
        Case::new("mul/same_twice", |x| mul(&x[0], &x[0])).input([5]),
        Case::new("mul/constant_right", |x| &x[0] * 2.5).input([2, 3]),
        Case::new("mul/constant_left", |x| 2.5 * &x[0]).input([2, 3]),
    ]
}
