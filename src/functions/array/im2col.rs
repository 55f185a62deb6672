use super::{Padding, pad, with_shape};
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{InvalidType, Meta, Shape, Slice, View, ensure},
    tensor::{Tensor, expect},
};

/// How windows lie on an image: `(height, width)` of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Size of a window.
    pub ksize: (usize, usize),
    /// Distance between windows.
    pub stride: (usize, usize),
    /// Zeros around the image.
    pub pad: (usize, usize),
    /// Whether windows that reach over the end count, so that every pixel is covered.
    pub cover_all: bool,
    /// Distance between the elements of a window.
    pub dilate: (usize, usize),
}

impl Windows {
    /// Windows of a size next to each other at distance 1, without padding.
    pub fn new(height: usize, width: usize) -> Windows {
        Windows { ksize: (height, width), stride: (1, 1), pad: (0, 0), cover_all: false, dilate: (1, 1) }
    }

    /// Windows along one side of `n`, and the length that they cover.
    fn side(&self, n: usize, of: impl Fn((usize, usize)) -> usize) -> Result<(usize, usize), InvalidType> {
        let (k, stride, pad, dilate) = (of(self.ksize), of(self.stride), of(self.pad), of(self.dilate));
        ensure!(k > 0 && stride > 0 && dilate > 0, "sizes, strides and dilations above 0", "{self:?}");
        let reach = (k - 1) * dilate + 1;
        let padded = n + 2 * pad;
        let room = if self.cover_all { padded + stride - 1 } else { padded };
        ensure!(room >= reach, format!("an image of at least {reach} with its padding"), "{padded}");
        let count = (room - reach) / stride + 1;
        Ok((count, (count - 1) * stride + reach))
    }
}

/// Windows of images as columns, `(N, C, H, W)` to `(N, C * kh * kw, H_out, W_out)`.
///
/// # Panics
/// When `x` has not 4 axes, or is smaller than a window.
///
/// ```
/// # use catena::{functions::Windows, prelude::*};
/// let x = Variable::constant(Tensor::arange(9, &Device::cpu()).reshape([1, 1, 3, 3]));
/// let y = F::im2col(&x, Windows::new(2, 2));
/// assert_eq!(y.shape()[..], [1, 4, 2, 2]);
/// assert_eq!(y.data().to_vec::<f32>().unwrap()[4..8], [1.0, 2.0, 4.0, 5.0]);
/// ```
#[track_caller]
pub fn im2col(x: &Variable, windows: Windows) -> Variable {
    let sides = || {
        ensure!(x.ndim(), ==, 4);
        Ok((windows.side(x.shape()[2], |p| p.0)?, windows.side(x.shape()[3], |p| p.1)?))
    };
    let ((rows, height), (columns, width)) = expect("im2col", sides(), &[x.data()]);
    let after = |reach: usize, n: usize, pad: usize| reach.saturating_sub(n + pad);
    let (ph, pw) = windows.pad;
    let around = [(0, 0), (0, 0), (ph, after(height, x.shape()[2], ph)), (pw, after(width, x.shape()[3], pw))];
    let padded = if around == [(0, 0); 4] { x.clone() } else { pad(x, &around, Padding::Constant(0.0)) };
    let taken = apply(Take { windows, out: (rows, columns) }, &[&padded]);
    let [n, c, kh, kw, ..] = taken.shape()[..] else { unreachable!("six axes") };
    with_shape(&taken, [n, c * kh * kw, rows, columns])
}

/// `y[n, c, i, j, h, w] = x[n, c, h * stride + i * dilate, ..]`.
#[derive(Debug, Clone, Copy)]
struct Take {
    windows: Windows,
    out: (usize, usize),
}

impl Take {
    fn shape(&self, x: &[usize]) -> Shape {
        let ((kh, kw), (rows, columns)) = (self.windows.ksize, self.out);
        Shape::from([x[0], x[1], kh, kw, rows, columns])
    }

    /// The pixels under element `(i, j)` of every window.
    fn place(&self, i: usize, j: usize) -> [Slice; 4] {
        let Windows { stride, dilate, .. } = self.windows;
        let along = |first: usize, n: usize, step: usize| {
            Slice::Range(Some(first as isize), Some((first + (n - 1) * step + 1) as isize), step as isize)
        };
        let rows = along(i * dilate.0, self.out.0, stride.0);
        [Slice::ALL, Slice::ALL, rows, along(j * dilate.1, self.out.1, stride.1)]
    }
}

impl Function for Take {
    fn name(&self) -> &'static str {
        "im2col"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.shape(&xs[0].shape), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let View { strides: s, offset, .. } = xs[0].view.clone();
        let Windows { stride, dilate, .. } = self.windows;
        let along = |axis: usize, step: usize| s[axis] * step as isize;
        let strides = [s[0], s[1], along(2, dilate.0), along(3, dilate.1), along(2, stride.0), along(3, stride.1)];
        let view = View { shape: self.shape(xs[0].shape()), strides: strides.as_slice().into(), offset };
        xs[0].with_view(view).contiguous().into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let adjoint = Add { take: *self, shape: saved.meta(0).shape.clone() };
        vec![gys[0].as_ref().map(|gy| apply(adjoint, &[gy]))]
    }
}

/// Windows added up in an image: the adjoint of [`Take`].
#[derive(Debug)]
struct Add {
    take: Take,
    shape: Shape,
}

impl Function for Add {
    fn name(&self) -> &'static str {
        "col2im"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.shape.clone(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (kh, kw) = self.take.windows.ksize;
        let elements = (0..kh).flat_map(|i| (0..kw).map(move |j| (i, j)));
        let images = elements.map(|(i, j)| {
            let part = xs[0].slice(&[Slice::ALL, Slice::ALL, i.into(), j.into()]);
            part.embed(&self.shape, &self.take.place(i, j), 0.0)
        });
        images.reduce(|a, b| a.add(&b)).expect("a window has an element").into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| apply(self.take, &[gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let padded = Windows { stride: (2, 2), pad: (1, 1), ..Windows::new(3, 3) };
    let covering = Windows { stride: (2, 2), cover_all: true, ..Windows::new(2, 2) };
    let dilated = Windows { dilate: (2, 1), ..Windows::new(2, 3) };
    vec![
        Case::new("im2col", move |x| im2col(&x[0], padded)).input([1, 2, 5, 4]),
        Case::new("im2col/covering", move |x| im2col(&x[0], covering)).input([1, 2, 5, 4]),
        Case::new("im2col/dilated", move |x| im2col(&x[0], dilated)).input([2, 1, 4, 4]),
        Case::new("im2col/ends_unused", move |x| im2col(&x[0], Windows { stride: (3, 2), ..Windows::new(2, 2) }))
            .input([1, 1, 6, 5]),
    ]
}
