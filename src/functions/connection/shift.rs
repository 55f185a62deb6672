use crate::{
    autograd::{Case, Variable},
    functions::array::{Padding, concat, get_item, pad},
    shape::{Sides, Slice, ensure},
    tensor::expect,
};

/// Channels moved by a pixel or so, each part of them another way: a convolution without products.
///
/// `x` is `(N, C, H, W)`. Its channels fall into `kh * kw` parts, the last of which takes what is left over; part `i * kw + j`
/// of `y` is that of `x` at `(h - (i - kh / 2) * dilate, w - (j - kw / 2) * dilate)`, zero outside. The part that would stay
/// in its place and the last part change places. See [Shift](https://arxiv.org/abs/1711.08141).
///
/// # Panics
/// When `x` has not 4 axes, or fewer channels than parts.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1, 9, 4, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::shift(&x, 3, 1).shape()[..], [1, 9, 4, 4]);
/// ```
#[track_caller]
pub fn shift(x: &Variable, ksize: impl Into<Sides>, dilate: impl Into<Sides>) -> Variable {
    let (ksize, dilate) = (ksize.into(), dilate.into());
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        let (ksize, dilate) = (ksize.of("ksize", 2)?, dilate.of("dilate", 2)?);
        ensure!(ksize.iter().chain(&dilate).all(|&n| n > 0), "ksize and dilate above 0", "{ksize:?} and {dilate:?}");
        let parts = ksize[0] * ksize[1];
        ensure!(x.shape()[1] >= parts, format!("x.shape[1] >= {parts}"), "{}", x.shape()[1]);
        Ok(([ksize[0], ksize[1]], [dilate[0], dilate[1]]))
    };
    let ([kh, kw], [dy, dx]) = expect("shift", fits(), &[x.data()]);
    let [_, c, h, w] = x.shape()[..] else { unreachable!("checked") };
    let (py, px) = (kh / 2 * dy, kw / 2 * dx);
    let padded = pad(x, &[(0, 0), (0, 0), (py, py), (px, px)], Padding::Constant(0.0));
    let (parts, each, still) = (kh * kw, c / (kh * kw), kh / 2 * kw + kw / 2);
    let moved: Vec<Variable> = (0..parts)
        .map(|part| {
            let to = if part == still {
                parts - 1
            } else if part + 1 == parts {
                still
            } else {
                part
            };
            let (top, left) = (2 * py - to / kw * dy, 2 * px - to % kw * dx);
            let last = if part + 1 == parts { c } else { (part + 1) * each };
            let channels: Slice = (part * each..last).into();
            get_item(&padded, &[Slice::ALL, channels, (top..top + h).into(), (left..left + w).into()])
        })
        .collect();
    concat(&moved.iter().collect::<Vec<_>>(), 1)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("shift", |x| shift(&x[0], 3, 1)).input([2, 10, 4, 3]),
        Case::new("shift/dilated", |x| shift(&x[0], [1, 3], 2)).input([1, 4, 3, 4]),
    ]
}
