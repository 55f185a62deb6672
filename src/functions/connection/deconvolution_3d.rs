use super::deconvolution_nd::deconvolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, Sides, ensure},
    tensor::expect,
};

/// Deconvolution to volumes, `(N, C, D, H, W)` by filters `(C, O / groups, kd, kh, kw)` to `(N, O, D_out, H_out, W_out)`.
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
/// let y = F::deconvolution_3d(&ones(&[1, 2, 2, 5, 3]), &ones(&[2, 3, 4, 4, 4]), None, &c, None);
/// assert_eq!(y.shape()[..], [1, 3, 4, 10, 6]);
/// ```
#[track_caller]
pub fn deconvolution_3d(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 5);
        Ok(())
    };
    expect("deconvolution_3d", fits(), &[x.data(), w.data()]);
    deconvolve("deconvolution_3d", x, w, b, c, outsize)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("deconvolution_3d", move |x| {
            deconvolution_3d(&x[0], &x[1], Some(&x[2]), &c().stride(2).pad(1), None)
        })
        .input([1, 2, 3, 2, 3])
        .input([2, 3, 2, 3, 3])
        .input([3]),
    ]
}
