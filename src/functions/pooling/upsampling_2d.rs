use super::windows::{How, Linear, Pooling};
use crate::{
    autograd::{Case, Variable},
    functions::pooling::max_pooling_2d_indices,
    shape::{DType, ensure},
    tensor::expect,
};

/// Every pixel put back where [`max_pooling_2d_indices`] found it, `(N, C, H, W)` to a larger image of zeros.
///
/// `indices` (`int32`, of the shape of `x`) are places in windows; where windows name one pixel they add up. One launch
/// each way.
///
/// # Panics
/// When shapes or dtypes do not fit, or an image of the size asked for has other windows.
///
/// ```
/// # use catena::{functions::Pooling, prelude::*};
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()).reshape([1, 1, 1, 4]));
/// let windows = Pooling::new([1, 2]);
/// let (y, at) = F::max_pooling_2d_indices(&x, windows.clone());
/// let back = F::upsampling_2d(&y, &at, windows.outsize([1, 4]));
/// assert_eq!(back.data().to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 3.0]);
/// ```
#[track_caller]
pub fn upsampling_2d(x: &Variable, indices: &Variable, windows: impl Into<Pooling>) -> Variable {
    let name = "upsampling_2d";
    let windows = windows.into();
    let between = || {
        ensure!(indices.dtype(), ==, DType::I32);
        ensure!(indices.shape(), ==, x.shape());
        windows.under(&x.data().meta(), Some(2))
    };
    let between = expect(name, between(), &[x.data(), indices.data()]);
    Linear { name, between, how: How::Take(indices.data().clone()), back: true }.call(x)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("upsampling_2d", |x| upsampling_2d(&x[0], &x[1], Pooling::new(2).outsize([6, 4])))
            .input([2, 2, 3, 2])
            .integers([2, 2, 3, 2], 0, 4),
        Case::new("upsampling_2d/overlapping", |x| upsampling_2d(&x[0], &x[1], Pooling::new(3).stride(1).pad(1)))
            .input([1, 2, 3, 4])
            .integers([1, 2, 3, 4], 0, 9),
        Case::new("upsampling_2d/sides", |x| upsampling_2d(&x[0], &x[1], [2, 3])).input([1, 2, 2, 3]).integers(
            [1, 2, 2, 3],
            0,
            6,
        ),
        Case::new("upsampling_2d/of_pooled", |x| {
            let (y, at) = max_pooling_2d_indices(&x[0], 2);
            upsampling_2d(&y, &at, Pooling::new(2).outsize([4, 6]))
        })
        .input([1, 2, 4, 6]),
    ]
}
