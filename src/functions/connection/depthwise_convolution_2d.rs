use super::convolution_nd::convolve;
use crate::{
    autograd::{Case, Variable},
    functions::array::{transpose, with_shape},
    shape::{Convolution, Sides, ensure},
    tensor::expect,
};

/// Each channel under filters of its own, `(N, C, H, W)` under `(M, C, kh, kw)` to `(N, C * M, H_out, W_out)`.
///
/// `y[n, c * M + m] = b[c * M + m] + ` the convolution of `x[n, c]` with `w[m, c]`.
///
/// # Panics
/// When shapes or dtypes do not fit, or a window is larger than the padded image.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::depthwise_convolution_2d(&ones(&[1, 3, 5, 5]), &ones(&[2, 3, 3, 3]), None, 1, 1);
/// assert_eq!(y.shape()[..], [1, 6, 5, 5]);
/// ```
#[track_caller]
pub fn depthwise_convolution_2d(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    stride: impl Into<Sides>,
    pad: impl Into<Sides>,
) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        ensure!(w.ndim(), ==, 4);
        ensure!(w.shape()[1], ==, x.shape()[1]);
        ensure!(x.shape()[1], >, 0);
        Ok(())
    };
    expect("depthwise_convolution_2d", fits(), &[x.data(), w.data()]);
    let [m, channels, height, width] = w.shape()[..] else { unreachable!("checked") };
    let filters = with_shape(&transpose(w, Some(&[1, 0, 2, 3])), [channels * m, 1, height, width]);
    let c = Convolution::default().stride(stride).pad(pad).groups(channels);
    convolve("depthwise_convolution_2d", x, &filters, b, &c)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("depthwise_convolution_2d", |x| depthwise_convolution_2d(&x[0], &x[1], Some(&x[2]), 1, 1))
            .input([2, 3, 5, 4])
            .input([2, 3, 3, 3])
            .input([6]),
        Case::new("depthwise_convolution_2d/single", |x| depthwise_convolution_2d(&x[0], &x[1], None, 2, [1, 0]))
            .input([2, 3, 5, 4])
            .input([1, 3, 3, 2]),
    ]
}
