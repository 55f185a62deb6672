use super::{transpose, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::ensure,
    tensor::expect,
};

/// Pixels to channels, `(N, C, r * H, r * W)` to `(N, r * r * C, H, W)`: the inverse of
/// [`depth2space`](crate::functions::depth2space).
///
/// # Panics
/// When `x` has not 4 axes, or height or width do not divide by `r`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1, 2, 4, 6], DType::F32, &Device::cpu()));
/// assert_eq!(F::space2depth(&x, 2).shape()[..], [1, 8, 2, 3]);
/// ```
#[track_caller]
pub fn space2depth(x: &Variable, r: usize) -> Variable {
    let _named = crate::shape::named("space2depth");
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        let (h, w) = (x.shape()[2], x.shape()[3]);
        let whole = r > 0 && h.is_multiple_of(r) && w.is_multiple_of(r);
        ensure!(whole, "height and width that divide by r", "{h} by {w}, r = {r}");
        Ok(())
    };
    expect("space2depth", fits(), &[x.data()]);
    let [n, c, h, w] = x.shape()[..] else { unreachable!("checked") };
    let (h, w) = (h / r, w / r);
    let split = transpose(&with_shape(x, [n, c, h, r, w, r]), Some(&[0, 3, 5, 1, 2, 4]));
    with_shape(&split, [n, r * r * c, h, w])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("space2depth", |x| space2depth(&x[0], 2)).input([2, 2, 4, 6]),
        Case::new("space2depth/inverse", |x| space2depth(&super::depth2space(&x[0], 3), 3)).input([1, 9, 2, 1]),
    ]
}
