use crate::{
    autograd::{Case, Variable},
    functions::array::with_shape,
    shape::{InvalidType, Shape, ensure},
    tensor::expect,
};

/// Adds `y` to `x` from axis 1 on: see [`bias_axis`].
///
/// # Panics
/// As [`bias_axis`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::zeros([1, 2, 2], DType::F32, &Device::cpu()));
/// let y = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::bias(&x, &y).data().to_vec::<f32>().unwrap(), [1.0, 1.0, 2.0, 2.0]);
/// ```
#[track_caller]
pub fn bias(x: &Variable, y: &Variable) -> Variable {
    bias_axis(x, y, 1)
}

/// `x + y`, where the axes of `y` are those of `x` from `axis` on, and it is repeated along the others.
///
/// # Panics
/// When dtypes differ, or `x.shape[axis..]` does not begin with the shape of `y`.
#[track_caller]
pub fn bias_axis(x: &Variable, y: &Variable, axis: usize) -> Variable {
    let _named = crate::shape::named("bias");
    x + aligned("bias", x, y, axis)
}

/// `y` with new axes of length 1, so that it lies along the axes of `x` from `axis` on.
#[track_caller]
pub(in crate::functions) fn aligned(name: &'static str, x: &Variable, y: &Variable, axis: usize) -> Variable {
    let shape = expect(name, extended(x.shape(), y.shape(), axis), &[x.data(), y.data()]);
    with_shape(y, shape)
}

fn extended(x: &Shape, y: &Shape, axis: usize) -> Result<Shape, InvalidType> {
    let end = axis + y.len();
    ensure!(end <= x.len() && x[axis..end] == y[..], format!("x0.shape[{axis}..{end}] == x1.shape"), "{x} and {y}");
    Ok((0..x.len()).map(|i| if (axis..end).contains(&i) { x[i] } else { 1 }).collect())
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("bias", |x| bias(&x[0], &x[1])).input([2, 3, 4]).input([3]),
        Case::new("bias/axis0", |x| bias_axis(&x[0], &x[1], 0)).input([2, 3, 4]).input([2, 3]),
        Case::new("bias/scalar", |x| bias_axis(&x[0], &x[1], 2)).input([2, 3]).input(()),
    ]
}
