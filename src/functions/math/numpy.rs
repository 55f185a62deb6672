//! Elementwise functions of NumPy that Chainer has not: of tensors alone, without derivatives.

use crate::{
    autograd::{Saved, Variable},
    functions::family::{Elementwise, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use std::f64::consts::LN_2;

const ROUNDING: &[Wgsl] = &[wgsl!("math/rounding.wgsl")];
const INTEGER: &[Wgsl] = &[wgsl!("math/integer.wgsl")];
const EXPONENTIAL: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/exponential.wgsl")];
const HYPERBOLIC: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/exponential.wgsl"),
    wgsl!("math/hyperbolic.wgsl"),
];
const PAIRS: &[Wgsl] =
    &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/logarithm.wgsl"), wgsl!("math/pairs.wgsl")];

macro_rules! function {
    ($name:literal, $op:ident, $arity:literal, $integers:literal, $files:expr, [$($x:ident),*] => $value:expr) => {
        #[derive(Debug, Clone)]
        struct $op;

        impl Elementwise<$arity> for $op {
            const NAME: &str = $name;
            const FILES: &[Wgsl] = $files;
            const INTEGERS: bool = $integers;

            fn reference<R: Real>([$($x),*]: [R; $arity], []: [R; 0]) -> R {
                $value
            }

            fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; $arity] {
                [const { None }; $arity]
            }
        }
    };
}

function!("round", Round, 1, false, ROUNDING, [x] => x.round_even());
function!("remainder", Remainder, 2, false, ROUNDING, [x, y] => remainder(x, y));
function!("floor_divide", FloorDivide, 2, false, ROUNDING, [x, y] => floor_divide(x, y));
function!("integer_quotient", IntegerQuotient, 2, true, INTEGER, [x, y] => {
    R::select(y == R::ZERO, R::ZERO, (x / y).floor())
});
function!("integer_remainder", IntegerRemainder, 2, true, INTEGER, [x, y] => {
    R::select(y == R::ZERO, R::ZERO, x - (x / y).floor() * y)
});
function!("exp2", Exp2, 1, false, EXPONENTIAL, [x] => x.exp2());
function!("arcsinh", Arcsinh, 1, false, HYPERBOLIC, [x] => arcsinh(x));
function!("arccosh", Arccosh, 1, false, HYPERBOLIC, [x] => arccosh(x));
function!("hypot", Hypot, 2, false, PAIRS, [x, y] => hypot(x, y));
function!("logaddexp", LogAddExp, 2, false, PAIRS, [a, b] => {
    R::select(a == b, a + R::of(LN_2), a.max(b) + (-(a - b).abs()).exp().ln_1p())
});

/// Whether a remainder with the sign of the dividend lies on the other side of zero than the divisor.
#[inline(always)]
fn opposed<R: Real>(r: R, y: R) -> bool {
    ((r < R::ZERO) & (y > R::ZERO)) | ((r > R::ZERO) & (y < R::ZERO))
}

#[inline(always)]
fn remainder<R: Real>(x: R, y: R) -> R {
    let r = x.fmod(y);
    R::select(opposed(r, y), r + y, r)
}

#[inline(always)]
fn floor_divide<R: Real>(x: R, y: R) -> R {
    let r = x.fmod(y);
    let q = (x - r) / y;
    // An integer but for rounding.
    let down = R::select(opposed(r, y), q - R::ONE, q);
    let below = down.floor();
    R::select(y == R::ZERO, x / y, R::select(down - below > R::HALF, below + R::ONE, below))
}

/// From here on `sqrt(x * x + 1)` is `x` itself, whose square may overflow.
const FAR: f64 = 1e9;

#[inline(always)]
fn arcsinh<R: Real>(x: R) -> R {
    let a = x.abs();
    let near = (a + a * a / (R::ONE + (R::ONE + a * a).sqrt())).ln_1p();
    let y = R::select(a > R::of(FAR), a.ln() + R::of(LN_2), near);
    R::select(x < R::ZERO, -y, R::select(x == R::ZERO, x, y))
}

#[inline(always)]
fn arccosh<R: Real>(x: R) -> R {
    let near = (x - R::ONE + ((x - R::ONE) * (x + R::ONE)).sqrt()).ln_1p();
    R::select(x < R::ONE, R::NAN, R::select(x > R::of(FAR), x.ln() + R::of(LN_2), near))
}

/// By the larger leg, whose square may overflow. An infinite leg is longer than one that is not known.
#[inline(always)]
fn hypot<R: Real>(x: R, y: R) -> R {
    let (a, b) = (x.abs(), y.abs());
    let (long, short) = (R::select(a > b, a, b), R::select(a > b, b, a));
    let r = short / long;
    let h = R::select(long == R::ZERO, R::ZERO, long * (R::ONE + r * r).sqrt());
    let known = R::select(a.is_nan() | b.is_nan(), R::NAN, h);
    R::select((a == R::INFINITY) | (b == R::INFINITY), R::INFINITY, known)
}

impl Tensor {
    /// The nearest integer, of two equally near ones the even one.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[0.5f32, 1.5, -2.5, 2.6], [4], &Device::cpu());
    /// assert_eq!(x.round().to_vec::<f32>().unwrap(), [0.0, 2.0, -2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn round(&self) -> Tensor {
        if self.dtype().is_float() { map_tensors(Round, [self]) } else { self.clone() }
    }

    /// `self - floor(self / other) * other` over the broadcast shape: the remainder with the sign of `other`.
    ///
    /// Numbers of one dtype; an integer has the remainder 0 by 0.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[-7i32, 7], [2], &Device::cpu());
    /// assert_eq!(x.remainder(&x.full_like(3.0)).to_vec::<i32>().unwrap(), [2, 1]);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ, or shapes do not broadcast.
    #[track_caller]
    pub fn remainder(&self, other: &Tensor) -> Tensor {
        let _named = crate::shape::named("remainder");
        if self.dtype().is_float() {
            map_tensors(Remainder, [self, other])
        } else {
            map_tensors(IntegerRemainder, [self, other])
        }
    }

    /// `floor(self / other)` over the broadcast shape.
    ///
    /// Numbers of one dtype; an integer divided by 0 gives 0.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[-7i32, 7], [2], &Device::cpu());
    /// assert_eq!(x.floor_divide(&x.full_like(3.0)).to_vec::<i32>().unwrap(), [-3, 2]);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ, or shapes do not broadcast.
    #[track_caller]
    pub fn floor_divide(&self, other: &Tensor) -> Tensor {
        let _named = crate::shape::named("floor_divide");
        if self.dtype().is_float() {
            map_tensors(FloorDivide, [self, other])
        } else {
            map_tensors(IntegerQuotient, [self, other])
        }
    }

    /// `2^self`
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn exp2(&self) -> Tensor {
        map_tensors(Exp2, [self])
    }

    /// The inverse of the hyperbolic sine.
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arcsinh(&self) -> Tensor {
        map_tensors(Arcsinh, [self])
    }

    /// The inverse of the hyperbolic cosine, not below zero; NaN below 1.
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn arccosh(&self) -> Tensor {
        map_tensors(Arccosh, [self])
    }

    /// `sqrt(self^2 + other^2)` over the broadcast shape, without overflow on the way.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[3.0f32, 3e30], [2], &Device::cpu());
    /// let y = x.hypot(&x.mul_scalar(4.0 / 3.0)).to_vec::<f32>().unwrap();
    /// assert!((y[0] - 5.0).abs() < 1e-5 && (y[1] - 5e30).abs() < 1e25);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ or are no floats, or shapes do not broadcast.
    #[track_caller]
    pub fn hypot(&self, other: &Tensor) -> Tensor {
        map_tensors(Hypot, [self, other])
    }

    /// `log(exp(self) + exp(other))` over the broadcast shape, without overflow on the way.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[0.0f32, 1000.0], [2], &Device::cpu());
    /// let y = x.logaddexp(&x).to_vec::<f32>().unwrap();
    /// assert!((y[0] - 2f32.ln()).abs() < 1e-6 && (y[1] - 1000.6931).abs() < 1e-3);
    /// ```
    ///
    /// # Panics
    /// When dtypes or devices differ or are no floats, or shapes do not broadcast.
    #[track_caller]
    pub fn logaddexp(&self, other: &Tensor) -> Tensor {
        map_tensors(LogAddExp, [self, other])
    }
}
