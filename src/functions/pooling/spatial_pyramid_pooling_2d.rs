use super::{Pooling, max_pooling_2d};
use crate::{
    autograd::{Case, Variable},
    functions::array::{concat, with_shape},
    shape::ensure,
    tensor::expect,
};

/// The largest pixel of ever finer grids over an image, `(N, C, H, W)` to `(N, C * (4^height - 1) / 3, 1, 1)`.
///
/// Level `l` of `height` levels has `2^l` by `2^l` cells; the result is of one size whatever the image's (He et al.,
/// "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014).
///
/// # Panics
/// When `x` is no float or has not 4 axes, or there is no level.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(16, &Device::cpu()).reshape([1, 1, 4, 4]));
/// let y = F::spatial_pyramid_pooling_2d(&x, 2);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [15.0, 5.0, 7.0, 13.0, 15.0]);
/// ```
#[track_caller]
pub fn spatial_pyramid_pooling_2d(x: &Variable, height: usize) -> Variable {
    let _named = crate::shape::named("spatial_pyramid_pooling_2d");
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        ensure!(height, >, 0);
        Ok(())
    };
    expect("spatial_pyramid_pooling_2d", fits(), &[x.data()]);
    let level = |l: usize| {
        let cells = 1usize << l;
        let ksize = [x.shape()[2].div_ceil(cells), x.shape()[3].div_ceil(cells)];
        let pad = [0, 1].map(|i| (ksize[i] * cells - x.shape()[i + 2]) / 2);
        let y = max_pooling_2d(x, Pooling::new(ksize).pad(pad));
        let values = y.shape()[1..].iter().product::<usize>();
        with_shape(&y, [x.shape()[0], values, 1, 1])
    };
    let levels: Vec<Variable> = (0..height).map(level).collect();
    concat(&levels.iter().collect::<Vec<_>>(), 1)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("spatial_pyramid_pooling_2d", |x| spatial_pyramid_pooling_2d(&x[0], 3)).input([2, 3, 9, 8]),
        Case::new("spatial_pyramid_pooling_2d/one", |x| spatial_pyramid_pooling_2d(&x[0], 1)).input([1, 2, 3, 5]),
    ]
}
