use super::sliding::{Product, slide};
use crate::{
    autograd::{Case, Variable},
    shape::{self, Convolution, Sides},
    tensor::expect,
};

/// Deconvolution to images of one, two or three axes: `(N, C, ..)` by filters `(C, O / groups, ..)` to `(N, O, ..)`.
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
/// let y = F::deconvolution_nd(&ones(&[1, 2, 5]), &ones(&[2, 3, 4]), None, &Convolution::default().stride(2).pad(1), None);
/// assert_eq!(y.shape()[..], [1, 3, 10]);
/// ```
#[track_caller]
pub fn deconvolution_nd(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Variable {
    deconvolve("deconvolution_nd", x, w, b, c, outsize)
}

#[track_caller]
pub(super) fn deconvolve(
    name: &'static str,
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Variable {
    let rule = shape::deconvolution(&x.data().meta(), &w.data().meta(), c, outsize);
    let (_, shape) = expect(name, rule, &[x.data(), w.data()]);
    slide(name, Product::Images, &shape, x, w, b)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("deconvolution_nd", move |x| deconvolution_nd(&x[0], &x[1], Some(&x[2]), &c().stride([3, 2]), None))
            .input([2, 3, 2, 3])
            .input([3, 2, 2, 3])
            .input([2]),
    ]
}
