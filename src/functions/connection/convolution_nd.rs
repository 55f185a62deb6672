use super::sliding::{Product, slide};
use crate::{
    autograd::{Case, Variable},
    shape::{self, Convolution},
    tensor::expect,
};

/// Convolution of images of one, two or three axes: `(N, C, ..)` under filters `(O, C / groups, ..)` to `(N, O, ..)`.
///
/// `y[n, o, p] = b[o] + sum over c, t of w[o, c, t] * x[n, c, p * stride - pad + t * dilate]`, with zeros outside of `x`;
/// in `groups`, each of as many channels and filters, `c` runs over the channels of the group of `o`.
///
/// # Panics
/// When shapes or dtypes do not fit, or a window is larger than the padded image.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::convolution_nd(&ones(&[1, 2, 5]), &ones(&[3, 2, 3]), None, &Convolution::default().pad(1));
/// assert_eq!(y.shape()[..], [1, 3, 5]);
/// ```
#[track_caller]
pub fn convolution_nd(x: &Variable, w: &Variable, b: Option<&Variable>, c: &Convolution) -> Variable {
    convolve("convolution_nd", x, w, b, c)
}

#[track_caller]
pub(super) fn convolve(
    name: &'static str,
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    c: &Convolution,
) -> Variable {
    let rule = shape::convolution(&x.data().meta(), &w.data().meta(), c);
    let (_, shape) = expect(name, rule, &[x.data(), w.data()]);
    slide(name, Product::Results, &shape, x, w, b)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("convolution_nd", move |x| convolution_nd(&x[0], &x[1], Some(&x[2]), &c().pad(1).stride([2, 1])))
            .input([2, 3, 5, 4])
            .input([4, 3, 3, 2])
            .input([4]),
        Case::new("convolution_nd/no_channels", move |x| convolution_nd(&x[0], &x[1], None, &c()))
            .input([2, 0, 3])
            .input([2, 0, 2]),
    ]
}
