use super::deconvolution_nd::deconvolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, Sides, ensure},
    tensor::expect,
};

/// Deconvolution to images, `(N, C, H, W)` by filters `(C, O / groups, kh, kw)` to `(N, O, H_out, W_out)`.
///
/// The adjoint of a convolution: every `x[n, c, p]` adds `w[c, o, t] * x[n, c, p]` to `y[n, o, p * stride - pad + t * dilate]`.
/// Axes have the least length whose convolution gives those of `x`, or `outsize`.
///
/// # Panics
/// When shapes or dtypes do not fit, or `outsize` is no length whose convolution gives `x`.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let c = Convolution::default().stride(2).pad(1);
/// let y = F::deconvolution_2d(&ones(&[1, 2, 5, 3]), &ones(&[2, 3, 4, 4]), None, &c, None);
/// assert_eq!(y.shape()[..], [1, 3, 10, 6]);
/// ```
#[track_caller]
pub fn deconvolution_2d(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        Ok(())
    };
    expect("deconvolution_2d", fits(), &[x.data(), w.data()]);
    deconvolve("deconvolution_2d", x, w, b, c, outsize)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("deconvolution_2d", move |x| {
            deconvolution_2d(&x[0], &x[1], Some(&x[2]), &c().stride(2).pad(1), None)
        })
        .input([2, 3, 3, 2])
        .input([3, 2, 4, 3])
        .input([2]),
        Case::new("deconvolution_2d/plain", move |x| deconvolution_2d(&x[0], &x[1], None, &c(), None))
            .input([2, 3, 4, 3])
            .input([3, 2, 3, 3]),
        Case::new("deconvolution_2d/outsize", move |x| {
            deconvolution_2d(&x[0], &x[1], None, &c().stride(2).pad(1), Some(&[6, 6].into()))
        })
        .input([1, 2, 3, 3])
        .input([2, 3, 3, 3]),
        Case::new("deconvolution_2d/dilated_groups", move |x| {
            deconvolution_2d(&x[0], &x[1], Some(&x[2]), &c().stride([2, 1]).dilate(2).groups(2), None)
        })
        .input([1, 4, 3, 3])
        .input([4, 3, 2, 2])
        .input([6]),
        Case::new("deconvolution_2d/one_by_one", move |x| deconvolution_2d(&x[0], &x[1], None, &c(), None))
            .input([2, 3, 6, 6])
            .input([3, 4, 1, 1]),
        Case::new("deconvolution_2d/no_images", move |x| deconvolution_2d(&x[0], &x[1], None, &c(), None))
            .input([0, 3, 4, 3])
            .input([3, 2, 3, 3]),
    ]
}
