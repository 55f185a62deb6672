use super::sum_axes;
use crate::{
    autograd::{Case, Variable},
    shape::ensure,
    tensor::expect,
};

/// The sum of squares of each sample, `(N, ..)` to `(N,)`.
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::batch_l2_norm_squared(&x).data().to_vec::<f32>().unwrap(), [12.0, 12.0]);
/// ```
#[track_caller]
pub fn batch_l2_norm_squared(x: &Variable) -> Variable {
    let fits = || {
        ensure!(x.ndim(), >=, 2);
        Ok(())
    };
    expect("batch_l2_norm_squared", fits(), &[x.data()]);
    let axes: Vec<isize> = (1..x.ndim() as isize).collect();
    sum_axes(&(x * x), Some(&axes), false)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("batch_l2_norm_squared", |x| batch_l2_norm_squared(&x[0])).input([3, 4, 2]),
        Case::new("batch_l2_norm_squared/empty", |x| batch_l2_norm_squared(&x[0])).input([2, 0]),
    ]
}
