use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    shape::ensure,
    tensor::{Real, Tensor, Wgsl, expect, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// `a + b` over the broadcast shape; also written `&a + &b`.
///
/// Numbers of one dtype.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!((&x + &x).data().to_vec::<f32>().unwrap(), [2.0, 4.0]);
/// ```
#[track_caller]
pub fn add(a: &Variable, b: &Variable) -> Variable {
    map(Add, [a, b])
}

/// The sum of several, over their broadcast shape.
///
/// # Panics
/// When there is none, dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::add_all(&[&x, &x, &x]).data().to_vec::<f32>().unwrap(), [3.0, 6.0]);
/// ```
#[track_caller]
pub fn add_all(xs: &[&Variable]) -> Variable {
    let (first, rest) = xs.split_first().expect("add_all: expected at least one operand, got none");
    let mut sum = (*first).clone();
    for x in rest {
        sum = add(&sum, x);
    }
    sum
}

/// `x + c` for a number `c`; also written `&x + c`.
#[track_caller]
pub(super) fn add_constant(x: &Variable, c: f64) -> Variable {
    map(AddConstant(c), [x])
}

impl Tensor {
    /// `self + other` over the broadcast shape; also written `&a + &b`.
    ///
    /// # Panics
    /// When dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn add(&self, other: &Tensor) -> Tensor {
        map_tensors(Add, [self, other])
    }

    /// `self + c`; also written `&a + c`.
    ///
    /// # Panics
    /// When it holds integers and `c` is none.
    #[track_caller]
    pub fn add_scalar(&self, c: f64) -> Tensor {
        expect_whole("add", self, c);
        map_tensors(AddConstant(c), [self])
    }
}

/// Panics when a number beside integers is none: what became of its fraction would depend on the device.
#[track_caller]
pub(super) fn expect_whole(operator: &str, x: &Tensor, c: f64) {
    let whole = || {
        ensure!(x.dtype().is_float() || c == c.trunc(), format!("a whole number beside {}", x.dtype()), "{c}");
        Ok(())
    };
    expect(operator, whole(), &[x]);
}

#[derive(Debug, Clone)]
struct Add;

impl Elementwise<2> for Add {
    const NAME: &str = "add";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        a + b
    }

    fn backward(&self, _: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        [Some(gy.clone()), Some(gy.clone())]
    }
}

#[derive(Debug, Clone)]
struct AddConstant(f64);

impl Elementwise<1, 1> for AddConstant {
    const NAME: &str = "add_constant";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        x + c
    }

    fn backward(&self, _: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy.clone())]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("add", |x| add(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("add/broadcast", |x| add(&x[0], &x[1])).input([3, 1]).input([2, 1, 4]),
        Case::new("add/same_twice", |x| add(&x[0], &x[0])).input([5]),
        Case::new("add/scalar", |x| add(&x[0], &x[1])).input(()).input([2, 3]),
        Case::new("add/empty", |x| add(&x[0], &x[1])).input([0, 3]).input([3]),
        Case::new("add/several", |x| add_all(&[&x[0], &x[1], &x[2]])).input([2, 3]).input([3]).input(()),
        Case::new("add/constant_right", |x| &x[0] + 2.5).input([2, 3]),
        Case::new("add/constant_left", |x| 2.5 + &x[0]).input([2, 3]),
    ]
}
