use crate::{
    autograd::{Case, Variable},
    functions::activation::elu_with,
};

/// Scaled exponential linear unit, `scale * elu(x)` with the alpha and scale that keep mean 0 and variance 1.
///
/// Any shape; floats.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1], DType::F32, &Device::cpu()));
/// assert_eq!(F::selu(&x).data().to_vec::<f32>().unwrap(), [1.050701]);
/// ```
#[track_caller]
pub fn selu(x: &Variable) -> Variable {
    elu_with(x, 1.673_263_242_354_377_2) * 1.050_700_987_355_480_5
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("selu", |x| selu(&x[0])).input([3, 5]).avoiding(0.0)]
}
