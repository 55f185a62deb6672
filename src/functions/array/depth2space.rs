use super::{transpose, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::ensure,
    tensor::expect,
};

/// Channels to pixels, `(N, r * r * C, H, W)` to `(N, C, r * H, r * W)`: every pixel becomes a square of `r * r`.
///
/// `y[n, c, h * r + i, w * r + j] = x[n, (i * r + j) * C + c, h, w]`.
///
/// # Panics
/// When `x` has not 4 axes, or the channels do not divide by `r * r`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()).reshape([1, 4, 1, 1]));
/// assert_eq!(F::depth2space(&x, 2).data().to_vec::<f32>().unwrap(), [0.0, 1.0, 2.0, 3.0]);
/// ```
#[track_caller]
pub fn depth2space(x: &Variable, r: usize) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        let whole = r > 0 && x.shape()[1].is_multiple_of(r * r);
        ensure!(whole, "channels that divide by r * r", "{} channels, r = {r}", x.shape()[1]);
        Ok(())
    };
    expect("depth2space", fits(), &[x.data()]);
    let [n, c, h, w] = x.shape()[..] else { unreachable!("checked") };
    let c = c / (r * r);
    let split = transpose(&with_shape(x, [n, r, r, c, h, w]), Some(&[0, 3, 4, 1, 5, 2]));
    with_shape(&split, [n, c, h * r, w * r])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("depth2space", |x| depth2space(&x[0], 2)).input([2, 8, 2, 3]),
        Case::new("depth2space/one", |x| depth2space(&x[0], 1)).input([1, 2, 2, 3]),
    ]
}
