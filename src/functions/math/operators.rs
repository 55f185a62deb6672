//! `+ - * /` and unary `-` between variables and numbers, by reference or by value.

use super::{add, div, mul, neg, sub};
use crate::autograd::Variable;
use std::ops;

macro_rules! operator {
    ($trait:ident, $method:ident, $both:expr, $right:expr, $left:expr) => {
        operator!(@both $trait, $method, $both, &Variable, &Variable, |a, b| (a, b));
        operator!(@both $trait, $method, $both, Variable, &Variable, |a, b| (&a, b));
        operator!(@both $trait, $method, $both, &Variable, Variable, |a, b| (a, &b));
        operator!(@both $trait, $method, $both, Variable, Variable, |a, b| (&a, &b));
        operator!(@number $trait, $method, $right, $left, &Variable, |x| x);
        operator!(@number $trait, $method, $right, $left, Variable, |x| &x);
    };
    (@both $trait:ident, $method:ident, $f:expr, $a:ty, $b:ty, |$x:ident, $y:ident| ($rx:expr, $ry:expr)) => {
        impl ops::$trait<$b> for $a {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: $b) -> Variable {
                let ($x, $y) = (self, other);
                $f($rx, $ry)
            }
        }
    };
    (@number $trait:ident, $method:ident, $right:expr, $left:expr, $a:ty, |$x:ident| $rx:expr) => {
        impl ops::$trait<f64> for $a {
            type Output = Variable;
            #[track_caller]
            fn $method(self, c: f64) -> Variable {
                let $x = self;
                $right($rx, c)
            }
        }
        impl ops::$trait<$a> for f64 {
            type Output = Variable;
            #[track_caller]
            fn $method(self, $x: $a) -> Variable {
                $left(self, $rx)
            }
        }
    };
}

operator!(Add, add, add::add, add::add_constant, |c, x| add::add_constant(x, c));
operator!(Sub, sub, sub::sub, |x, c: f64| add::add_constant(x, -c), sub::sub_from_constant);
operator!(Mul, mul, mul::mul, mul::mul_constant, |c, x| mul::mul_constant(x, c));
operator!(Div, div, div::div, |x, c: f64| mul::mul_constant(x, 1.0 / c), div::div_from_constant);

impl ops::Neg for &Variable {
    type Output = Variable;
    #[track_caller]
    fn neg(self) -> Variable {
        neg::neg(self)
    }
}

impl ops::Neg for Variable {
    type Output = Variable;
    #[track_caller]
    fn neg(self) -> Variable {
        neg::neg(&self)
    }
}

/// `total += &loss`, as in the loops of recurrent networks.
impl ops::AddAssign<&Variable> for Variable {
    #[track_caller]
    fn add_assign(&mut self, other: &Variable) {
        *self = add::add(self, other);
    }
}

impl ops::AddAssign<Variable> for Variable {
    #[track_caller]
    fn add_assign(&mut self, other: Variable) {
        *self = add::add(self, &other);
    }
}
