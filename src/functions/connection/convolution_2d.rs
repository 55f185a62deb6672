use super::convolution_nd::convolve;
use crate::{
    autograd::{Case, Variable},
    shape::{Convolution, ensure},
    tensor::expect,
};

/// Convolution of images, `(N, C, H, W)` under filters `(O, C / groups, kh, kw)` to `(N, O, H_out, W_out)`.
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
/// let y = F::convolution_2d(&ones(&[1, 2, 7, 5]), &ones(&[4, 2, 3, 3]), Some(&ones(&[4])), &Convolution::default().stride(2).pad(1));
/// assert_eq!(y.shape()[..], [1, 4, 4, 3]);
/// ```
#[track_caller]
pub fn convolution_2d(x: &Variable, w: &Variable, b: Option<&Variable>, c: &Convolution) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        Ok(())
    };
    expect("convolution_2d", fits(), &[x.data(), w.data()]);
    convolve("convolution_2d", x, w, b, c)
}

pub(super) fn cases() -> Vec<Case> {
    let c = Convolution::default;
    vec![
        Case::new("convolution_2d", move |x| convolution_2d(&x[0], &x[1], Some(&x[2]), &c()))
            .input([2, 3, 5, 4])
            .input([4, 3, 3, 2])
            .input([4]),
        Case::new("convolution_2d/padded_strides", move |x| {
            convolution_2d(&x[0], &x[1], Some(&x[2]), &c().stride([2, 3]).pad([1, 2]))
        })
        .input([2, 2, 6, 7])
        .input([3, 2, 3, 4])
        .input([3]),
        Case::new("convolution_2d/stride_beyond_window", move |x| convolution_2d(&x[0], &x[1], None, &c().stride(3)))
            .input([1, 2, 8, 8])
            .input([3, 2, 2, 2]),
        Case::new("convolution_2d/stride_beyond_image", move |x| convolution_2d(&x[0], &x[1], None, &c().stride(5)))
            .input([1, 2, 3, 3])
            .input([3, 2, 2, 2]),
        Case::new("convolution_2d/cover_all", move |x| {
            convolution_2d(&x[0], &x[1], None, &c().stride(2).cover_all(true))
        })
        .input([1, 2, 6, 7])
        .input([3, 2, 3, 3]),
        Case::new("convolution_2d/dilated", move |x| convolution_2d(&x[0], &x[1], None, &c().dilate(2).pad(2)))
            .input([1, 2, 6, 5])
            .input([3, 2, 3, 3]),
        Case::new("convolution_2d/dilated_strides", move |x| {
            convolution_2d(&x[0], &x[1], None, &c().dilate([2, 3]).stride(2).pad(1))
        })
        .input([1, 1, 9, 10])
        .input([2, 1, 3, 3]),
        Case::new("convolution_2d/groups", move |x| convolution_2d(&x[0], &x[1], Some(&x[2]), &c().groups(2).pad(1)))
            .input([2, 4, 4, 5])
            .input([6, 2, 3, 3])
            .input([6]),
        Case::new("convolution_2d/one_by_one", move |x| convolution_2d(&x[0], &x[1], Some(&x[2]), &c()))
            .input([2, 3, 6, 6])
            .input([5, 3, 1, 1])
            .input([5]),
        Case::new("convolution_2d/one_by_one_in_groups", move |x| convolution_2d(&x[0], &x[1], None, &c().groups(2)))
            .input([2, 6, 6, 6])
            .input([4, 3, 1, 1]),
        Case::new("convolution_2d/whole_image", move |x| convolution_2d(&x[0], &x[1], None, &c()))
            .input([2, 3, 4, 3])
            .input([5, 3, 4, 3]),
        Case::new("convolution_2d/no_images", move |x| convolution_2d(&x[0], &x[1], Some(&x[2]), &c()))
            .input([0, 3, 4, 4])
            .input([2, 3, 3, 3])
            .input([2]),
        Case::new("convolution_2d/many_filters", move |x| convolution_2d(&x[0], &x[1], None, &c().pad(1)))
            .input([3, 17, 6, 5])
            .input([13, 17, 3, 3])
            .order(1)
            .tolerance(1e-4),
        Case::new("convolution_2d/then_relu", move |x| {
            crate::functions::relu(&convolution_2d(&x[0], &x[1], Some(&x[2]), &c().pad(1)))
        })
        .input([2, 2, 4, 4])
        .input([3, 2, 3, 3])
        .input_in([3], 19.0, 20.0),
    ]
}
