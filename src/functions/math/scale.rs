use super::bias::aligned;
use crate::autograd::{Case, Variable};

/// Multiplies `x` by `y` from axis 1 on: see [`scale_axis`].
///
/// # Panics
/// As [`scale_axis`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1, 2, 2], DType::F32, &Device::cpu()));
/// let y = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::scale(&x, &y).data().to_vec::<f32>().unwrap(), [1.0, 1.0, 2.0, 2.0]);
/// ```
#[track_caller]
pub fn scale(x: &Variable, y: &Variable) -> Variable {
    scale_axis(x, y, 1)
}

/// `x * y`, where the axes of `y` are those of `x` from `axis` on, and it is repeated along the others.
///
/// # Panics
/// When dtypes differ, or `x.shape[axis..]` does not begin with the shape of `y`.
#[track_caller]
pub fn scale_axis(x: &Variable, y: &Variable, axis: usize) -> Variable {
    let _named = crate::shape::named("scale");
    x * aligned("scale", x, y, axis)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("scale", |x| scale(&x[0], &x[1])).input([2, 3, 4]).input([3]),
        Case::new("scale/axis0", |x| scale_axis(&x[0], &x[1], 0)).input([2, 3, 4]).input([2, 3]),
    ]
}
