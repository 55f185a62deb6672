use super::convolution_nd::convolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, Sides, ensure},
    tensor::expect,
};

/// Convolution of images whose windows have gaps: [`convolution_2d`](crate::functions::convolution_2d) with `dilate`.
///
/// # Panics
/// When shapes or dtypes do not fit, or a window is larger than the padded image.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::dilated_convolution_2d(&ones(&[1, 2, 7, 7]), &ones(&[4, 2, 3, 3]), None, 1, 2, 2);
/// assert_eq!(y.shape()[..], [1, 4, 7, 7]);
/// ```
#[track_caller]
pub fn dilated_convolution_2d(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    stride: impl Into<Sides>,
    pad: impl Into<Sides>,
    dilate: impl Into<Sides>,
) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        Ok(())
    };
    expect("dilated_convolution_2d", fits(), &[x.data(), w.data()]);
    convolve("dilated_convolution_2d", x, w, b, &Convolution::default().stride(stride).pad(pad).dilate(dilate))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("dilated_convolution_2d", |x| dilated_convolution_2d(&x[0], &x[1], Some(&x[2]), 1, 2, [2, 1]))
            .input([1, 2, 5, 4])
            .input([3, 2, 3, 3])
            .input([3]),
    ]
}
