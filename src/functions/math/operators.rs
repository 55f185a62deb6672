//! `+ - * /` and unary `-` between variables and numbers, and between tensors and numbers, by reference or by value.

use super::{add, div, mul, neg, sub};
use crate::{autograd::Variable, shape::DType, tensor::Tensor};
use std::ops;

macro_rules! operator {
    ($of:ident, $trait:ident, $method:ident, $both:expr, $right:expr, $left:expr) => {
        operator!(@both $of, $trait, $method, $both, &$of, &$of, |a, b| (a, b));
        operator!(@both $of, $trait, $method, $both, $of, &$of, |a, b| (&a, b));
        operator!(@both $of, $trait, $method, $both, &$of, $of, |a, b| (a, &b));
        operator!(@both $of, $trait, $method, $both, $of, $of, |a, b| (&a, &b));
        operator!(@number $of, $trait, $method, $right, $left, &$of, |x| x);
        operator!(@number $of, $trait, $method, $right, $left, $of, |x| &x);
    };
    (@both $of:ident, $trait:ident, $method:ident, $f:expr, $a:ty, $b:ty,
     |$x:ident, $y:ident| ($rx:expr, $ry:expr)) => {
        impl ops::$trait<$b> for $a {
            type Output = $of;
            #[track_caller]
            fn $method(self, other: $b) -> $of {
                let ($x, $y) = (self, other);
                $f($rx, $ry)
            }
        }
    };
    (@number $of:ident, $trait:ident, $method:ident, $right:expr, $left:expr, $a:ty, |$x:ident| $rx:expr) => {
        impl ops::$trait<f64> for $a {
            type Output = $of;
            #[track_caller]
            fn $method(self, c: f64) -> $of {
                let $x = self;
                $right($rx, c)
            }
        }
        impl ops::$trait<$a> for f64 {
            type Output = $of;
            #[track_caller]
            fn $method(self, $x: $a) -> $of {
                $left(self, $rx)
            }
        }
    };
}

operator!(Variable, Add, add, add::add, add::add_constant, |c, x| add::add_constant(x, c));
operator!(Variable, Sub, sub, sub::sub, |x, c: f64| add::add_constant(x, -c), sub::sub_from_constant);
operator!(Variable, Mul, mul, mul::mul, mul::mul_constant, |c, x| mul::mul_constant(x, c));
operator!(Variable, Div, div, div::div, |x, c: f64| mul::mul_constant(x, 1.0 / c), div::div_from_constant);

operator!(Tensor, Add, add, Tensor::add, Tensor::add_scalar, plus);
operator!(Tensor, Sub, sub, Tensor::sub, minus_scalar, sub::scalar_sub);
operator!(Tensor, Mul, mul, Tensor::mul, Tensor::mul_scalar, times);
operator!(Tensor, Div, div, Tensor::div, div_scalar, div::scalar_div);

#[track_caller]
fn plus(c: f64, x: &Tensor) -> Tensor {
    x.add_scalar(c)
}

#[track_caller]
fn times(c: f64, x: &Tensor) -> Tensor {
    x.mul_scalar(c)
}

#[track_caller]
fn minus_scalar(x: &Tensor, c: f64) -> Tensor {
    // An unsigned type has no -c.
    let unsigned = matches!(x.dtype(), DType::U8 | DType::U32);
    if unsigned { x.sub(&Tensor::full((), c, x.dtype(), x.device())) } else { x.add_scalar(-c) }
}

/// By the number itself, as NumPy divides: the product with its reciprocal is rounded twice.
#[track_caller]
fn div_scalar(x: &Tensor, c: f64) -> Tensor {
    x.div(&Tensor::full((), c, x.dtype(), x.device()))
}

macro_rules! unary_and_assigned {
    ($of:ident, $neg:expr, $add:expr) => {
        impl ops::Neg for &$of {
            type Output = $of;
            #[track_caller]
            fn neg(self) -> $of {
                $neg(self)
            }
        }

        impl ops::Neg for $of {
            type Output = $of;
            #[track_caller]
            fn neg(self) -> $of {
                $neg(&self)
            }
        }

        /// `total += &loss`, as in the loops of recurrent networks.
        impl ops::AddAssign<&$of> for $of {
            #[track_caller]
            fn add_assign(&mut self, other: &$of) {
                *self = $add(self, other);
            }
        }

        impl ops::AddAssign<$of> for $of {
            #[track_caller]
            fn add_assign(&mut self, other: $of) {
                *self = $add(self, &other);
            }
        }
    };
}

unary_and_assigned!(Variable, neg::neg, add::add);
unary_and_assigned!(Tensor, Tensor::neg, Tensor::add);
