use super::deconvolution_nd::deconvolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, Sides, ensure},
    tensor::expect,
};

/// Deconvolution to sequences, `(N, C, L)` by filters `(C, O / groups, k)` to `(N, O, L_out)`.
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
/// let y = F::deconvolution_1d(&ones(&[1, 2, 5]), &ones(&[2, 3, 4]), None, &c, None);
/// assert_eq!(y.shape()[..], [1, 3, 10]);
/// ```
#[track_caller]
pub fn deconvolution_1d(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 3);
        Ok(())
    };
    expect("deconvolution_1d", fits(), &[x.data(), w.data()]);
    deconvolve("deconvolution_1d", x, w, b, c, outsize)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("deconvolution_1d", move |x| deconvolution_1d(&x[0], &x[1], Some(&x[2]), &c().stride(2), None))
            .input([2, 3, 4])
            .input([3, 2, 3])
            .input([2]),
    ]
}
