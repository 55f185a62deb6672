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
    selu_with(x, 1.673_263_242_354_377_2, 1.050_700_987_355_480_5)
}

/// `scale * elu(x)` with this alpha: see [`elu_with`].
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn selu_with(x: &Variable, alpha: f64, scale: f64) -> Variable {
    let _named = crate::shape::named("selu");
    elu_with(x, alpha) * scale
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("selu", |x| selu(&x[0])).input([3, 5]).avoiding(0.0),
        Case::new("selu/other", |x| selu_with(&x[0], 1.2, 0.7)).input([3, 5]).avoiding(0.0),
    ]
}
