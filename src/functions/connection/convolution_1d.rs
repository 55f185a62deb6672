use super::convolution_nd::convolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, ensure},
    tensor::expect,
};

/// Convolution of sequences, `(N, C, L)` under filters `(O, C / groups, k)` to `(N, O, L_out)`.
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
/// let y = F::convolution_1d(&ones(&[1, 2, 7]), &ones(&[4, 2, 3]), Some(&ones(&[4])), &Convolution::default().stride(2).pad(1));
/// assert_eq!(y.shape()[..], [1, 4, 4]);
/// ```
#[track_caller]
pub fn convolution_1d(x: &Variable, w: &Variable, b: Option<&Variable>, c: &Convolution) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 3);
        Ok(())
    };
    expect("convolution_1d", fits(), &[x.data(), w.data()]);
    convolve("convolution_1d", x, w, b, c)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("convolution_1d", move |x| convolution_1d(&x[0], &x[1], Some(&x[2]), &c().stride(2).pad(1)))
            .input([2, 3, 9])
            .input([4, 3, 3])
            .input([4]),
        Case::new("convolution_1d/dilated_groups", move |x| {
            convolution_1d(&x[0], &x[1], None, &c().dilate(3).pad(2).groups(2))
        })
        .input([2, 4, 9])
        .input([6, 2, 3]),
    ]
}
