use crate::{
    autograd::{Case, Variable},
    functions::activation::clipped_relu_with,
};

/// `min(max(x, 0), 6)`.
///
/// The gradient at exactly zero and exactly six is zero. Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0, 50.0], [3], &Device::cpu()));
/// assert_eq!(F::relu6(&x).data().to_vec::<f32>().unwrap(), [0.0, 2.0, 6.0]);
/// ```
#[track_caller]
pub fn relu6(x: &Variable) -> Variable {
    let _named = crate::shape::named("relu6");
    clipped_relu_with(x, 6.0)
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("relu6", |x| relu6(&x[0])).input_in([3, 5], -3.0, 9.0).avoiding(0.0).avoiding(6.0)]
}
