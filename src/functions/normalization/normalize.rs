use crate::{
    autograd::{Case, Variable},
    functions::math::{sqrt, sum_axes},
    tensor::Tensor,
};
use ndarray::arr2;

/// `x` divided by its Euclidean norm over `axes`: `y = x / (sqrt(sum(x * x)) + eps)`.
///
/// Where all of `x` is zero, `y` is zero and its gradient `gy / eps`.
///
/// Launches: 2 forward, 5 backward.
///
/// # Panics
/// When `x` is no float, or an axis is out of range or repeated.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[3.0f32, 4.0], [1, 2], &Device::cpu()));
/// assert_eq!(F::normalize(&x, 0.0, &[1]).data().to_vec::<f32>().unwrap(), [0.6, 0.8]);
/// ```
#[track_caller]
pub fn normalize(x: &Variable, eps: f64, axes: &[isize]) -> Variable {
    let _named = crate::shape::named("normalize");
    let squares = sum_axes(&(x * x), Some(axes), true);
    // The root has no slope at zero: there the root of one is taken, and one taken off again.
    let zeros = squares.data().equal(&Tensor::zeros((), x.dtype(), x.device())).cast(x.dtype());
    let zeros = Variable::constant(zeros);
    x / (sqrt(&(squares + &zeros)) - zeros + eps)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("normalize", |x| normalize(&x[0], 1e-5, &[1])).input([3, 4]),
        Case::new("normalize/axes", |x| normalize(&x[0], 1e-5, &[1, 2])).input([2, 3, 4]),
        Case::new("normalize/zero_rows", |x| normalize(&x[0], 0.5, &[1]))
            .exact(arr2(&[[0.0, 0.0], [3.0, 4.0]]).into_dyn())
            .order(1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn derivatives_at_zero_are_finite() {
        let x = Variable::new(Tensor::from_slice(&[0.0f32, 0.0], [1, 2], &Device::cpu()));
        let y = normalize(&x, 0.5, &[1]);
        y.set_grad(Some(Tensor::from_slice(&[1.0f32, -2.0], [1, 2], &Device::cpu())));
        y.backward();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [2.0, -4.0]);
    }
}
