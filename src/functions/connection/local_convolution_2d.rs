use super::parts::in_parts;
use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{Windows, im2col, transpose, with_shape},
        math::matmul,
    },
    kernel::WORKSPACE,
    shape::{Sides, ensure, same_float},
    tensor::expect,
};

/// Windows that have filters of their own each, `(N, C, H, W)` under `(O, H_out, W_out, C, kh, kw)` to
/// `(N, O, H_out, W_out)`.
///
/// `y[n, o, i, j] = b[o, i, j] + sum over c, s, t of w[o, i, j, c, s, t] * x[n, c, i * stride + s, j * stride + t]`.
///
/// What lies under the windows is laid out for some images at a time, 64 MiB at most unless one image takes more; where
/// that is not the whole batch, it is laid out again in the backward pass.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::local_convolution_2d(&ones(&[1, 2, 5, 5]), &ones(&[3, 2, 2, 2, 3, 3]), None, 2);
/// assert_eq!(y.shape()[..], [1, 3, 2, 2]);
/// ```
#[track_caller]
pub fn local_convolution_2d(x: &Variable, w: &Variable, b: Option<&Variable>, stride: impl Into<Sides>) -> Variable {
    within(x, w, b, stride.into(), WORKSPACE)
}

#[track_caller]
fn within(x: &Variable, w: &Variable, b: Option<&Variable>, stride: Sides, workspace: usize) -> Variable {
    let fits = || {
        let metas: Vec<_> = [x, w].into_iter().chain(b).map(|v| v.data().meta()).collect();
        same_float(&metas)?;
        ensure!(x.ndim(), ==, 4);
        ensure!(w.ndim(), ==, 6);
        ensure!(w.shape()[3], ==, x.shape()[1]);
        let stride = stride.of("stride", 2)?;
        for a in 0..2 {
            let (n, k) = (x.shape()[2 + a], w.shape()[4 + a]);
            ensure!(stride[a] > 0 && k > 0 && n >= k, "windows within the image", "{} and {}", x.shape(), w.shape());
            let windows = (n - k) / stride[a] + 1;
            ensure!(w.shape()[1 + a] == windows, format!("w.shape[{}] == {windows}", 1 + a), "{}", w.shape());
        }
        if let Some(b) = b {
            ensure!(b.shape()[..] == w.shape()[..3], "b.shape == w.shape[:3]", "{} and {}", b.shape(), w.shape());
        }
        Ok((stride[0], stride[1]))
    };
    let stride = expect("local_convolution_2d", fits(), &[x.data(), w.data()]);
    let [.., rows, columns, c, kh, kw] = w.shape()[..] else { unreachable!("checked") };
    // The windows of an image, and their gradient.
    let image = 2 * 4 * rows * columns * c * kh * kw;
    let y = in_parts(workspace / image.max(1), 1, &[x, w], move |xs| product(&xs[0], &xs[1], stride));
    match b {
        Some(b) => y + b,
        None => y,
    }
}

fn product(x: &Variable, w: &Variable, stride: (usize, usize)) -> Variable {
    let [o, rows, columns, c, kh, kw] = w.shape()[..] else { unreachable!("checked") };
    let (n, places, k) = (x.shape()[0], rows * columns, c * kh * kw);
    let under = im2col(x, Windows { stride, ..Windows::new(kh, kw) });
    let under = transpose(&with_shape(&under, [n, k, places]), Some(&[2, 0, 1]));
    let filters = transpose(&with_shape(w, [o, places, k]), Some(&[1, 2, 0]));
    with_shape(&transpose(&matmul(&under, &filters), Some(&[1, 2, 0])), [n, o, rows, columns])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("local_convolution_2d", |x| local_convolution_2d(&x[0], &x[1], Some(&x[2]), 2))
            .input([2, 2, 5, 5])
            .input([3, 2, 2, 2, 3, 3])
            .input([3, 2, 2]),
        Case::new("local_convolution_2d/in_parts", |x| within(&x[0], &x[1], Some(&x[2]), 1.into(), 2 * 2 * 4 * 36))
            .input([3, 1, 4, 4])
            .input([2, 3, 3, 1, 2, 2])
            .input([2, 3, 3]),
        Case::new("local_convolution_2d/strides", |x| local_convolution_2d(&x[0], &x[1], None, [1, 3]))
            .input([1, 2, 3, 5])
            .input([2, 2, 2, 2, 2, 2]),
    ]
}
