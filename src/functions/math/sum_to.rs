use crate::{
    autograd::{Case, Variable},
    functions::{array::with_shape, math::sum_axes},
    shape::{self, Shape, broadcast_axes},
};

/// Sums over the axes along which `shape` would be broadcast to `x`: the adjoint of `broadcast_to`.
///
/// # Panics
/// When `shape` does not broadcast to the shape of `x`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::sum_to(&x, [1, 3]).data().to_vec::<f32>().unwrap(), [2.0, 2.0, 2.0]);
/// ```
#[track_caller]
pub fn sum_to(x: &Variable, shape: impl Into<Shape>) -> Variable {
    let _named = crate::shape::named("sum_to");
    let shape = shape.into();
    if *x.shape() == shape {
        return x.clone();
    }
    crate::tensor::expect("sum_to", shape::broadcast_to(&shape, x.shape()), &[x.data()]);
    let axes: Vec<isize> = broadcast_axes(&shape, x.shape()).iter().map(|&a| a as isize).collect();
    with_shape(&sum_axes(x, Some(&axes), false), shape)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sum_to", |x| sum_to(&x[0], [3, 1])).input([2, 3, 4]),
        Case::new("sum_to/scalar", |x| sum_to(&x[0], ())).input([2, 3]),
        Case::new("sum_to/same", |x| sum_to(&x[0], [2, 3])).input([2, 3]),
    ]
}
