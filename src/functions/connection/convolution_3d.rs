use super::convolution_nd::convolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, ensure},
    tensor::expect,
};

/// Convolution of volumes, `(N, C, D, H, W)` under filters `(O, C / groups, kd, kh, kw)` to `(N, O, D_out, H_out, W_out)`.
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
/// let y = F::convolution_3d(&ones(&[1, 2, 4, 7, 5]), &ones(&[4, 2, 3, 3, 3]), Some(&ones(&[4])), &Convolution::default().stride(2).pad(1));
/// assert_eq!(y.shape()[..], [1, 4, 2, 4, 3]);
/// ```
#[track_caller]
pub fn convolution_3d(x: &Variable, w: &Variable, b: Option<&Variable>, c: &Convolution) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 5);
        Ok(())
    };
    expect("convolution_3d", fits(), &[x.data(), w.data()]);
    convolve("convolution_3d", x, w, b, c)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("convolution_3d", move |x| convolution_3d(&x[0], &x[1], Some(&x[2]), &c().stride(2).pad(1)))
            .input([1, 2, 4, 5, 4])
            .input([3, 2, 3, 2, 3])
            .input([3]),
        Case::new("convolution_3d/dilated_groups", move |x| {
            convolution_3d(&x[0], &x[1], None, &c().dilate([1, 2, 1]).groups(2).pad([0, 1, 0]))
        })
        .input([1, 4, 3, 5, 4])
        .input([4, 2, 2, 2, 2]),
    ]
}
