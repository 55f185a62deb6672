use crate::{
    autograd::{Case, Variable},
    functions::{array::with_shape, math::max_axes},
    shape::{self, InvalidType, Shape, ensure},
    tensor::expect,
};

/// Maxout along axis 1: see [`maxout_axis`].
///
/// # Panics
/// As [`maxout_axis`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, 4.0, 3.0], [1, 4], &Device::cpu()));
/// assert_eq!(F::maxout(&x, 2).data().to_vec::<f32>().unwrap(), [2.0, 4.0]);
/// ```
#[track_caller]
pub fn maxout(x: &Variable, pool_size: usize) -> Variable {
    maxout_axis(x, pool_size, 1)
}

/// The largest of every `pool_size` neighbours along `axis`, which becomes that many times shorter.
///
/// Each of several equal largest ones receives the whole gradient. Any shape with that axis; floats.
///
/// # Panics
/// When `x` is no float, `axis` is out of range, or its length is no multiple of `pool_size`.
#[track_caller]
pub fn maxout_axis(x: &Variable, pool_size: usize, axis: isize) -> Variable {
    let _named = crate::shape::named("maxout");
    let (split, axis) = expect("maxout", split(x.shape(), pool_size, axis), &[x.data()]);
    max_axes(&with_shape(x, split), Some(&[axis as isize + 1]), false)
}

fn split(shape: &Shape, pool_size: usize, axis: isize) -> Result<(Shape, usize), InvalidType> {
    let a = shape::axis(axis, shape.len())?;
    ensure!(pool_size, >, 0);
    ensure!(
        shape[a].is_multiple_of(pool_size),
        "x.shape[axis] % pool_size == 0",
        "x.shape[{a}] = {}, pool_size = {pool_size}",
        shape[a]
    );
    Ok((shape.with(a, shape[a] / pool_size).insert(a + 1, pool_size), a))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("maxout", |x| maxout(&x[0], 3)).input([2, 6]),
        Case::new("maxout/axis0", |x| maxout_axis(&x[0], 2, 0)).input([4, 3]),
        Case::new("maxout/middle", |x| maxout(&x[0], 2)).input([2, 4, 3]),
        Case::new("maxout/last", |x| maxout_axis(&x[0], 2, -1)).input([2, 4]),
    ]
}
