use crate::autograd::{Case, Variable};
use crate::functions::math::square;

/// `(a - b)^2` over the broadcast shape.
///
/// Numbers of one dtype.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::constant(Tensor::from_slice(&[1.0f32, 5.0], [2], &Device::cpu()));
/// let b = Variable::constant(Tensor::from_slice(&[3.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::squared_difference(&a, &b).data().to_vec::<f32>().unwrap(), [4.0, 9.0]);
/// ```
#[track_caller]
pub fn squared_difference(a: &Variable, b: &Variable) -> Variable {
    let _named = crate::shape::named("squared_difference");
    square(&(a - b))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("squared_difference", |x| squared_difference(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("squared_difference/broadcast", |x| squared_difference(&x[0], &x[1])).input([3, 1]).input([2, 1, 4]),
    ]
}
