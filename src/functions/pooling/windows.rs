//! How windows lie on images, and the linear functions between images and windows.

use crate::{
    autograd::{Forward, Function, Saved, Variable, apply},
    kernel::pooling::{Weight, Windows},
    shape::{InvalidType, Meta, Shape, Sides, conv_outsize, deconv_outsize, ensure},
    tensor::Tensor,
};
use smallvec::SmallVec;

/// Windows of pooling: their size, and what is unusual of them.
///
/// A size alone will do where a `Pooling` is asked for.
///
/// ```
/// use catena::functions::Pooling;
///
/// let windows = Pooling::new(3).stride(2).pad([1, 0]);
/// assert_eq!(Pooling::from(3).stride(2).pad([1, 0]), windows);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooling {
    ksize: Sides,
    stride: Option<Sides>,
    pad: Sides,
    cover_all: Option<bool>,
    count_padding: bool,
    outsize: Option<Sides>,
}

impl<S: Into<Sides>> From<S> for Pooling {
    fn from(ksize: S) -> Pooling {
        Pooling::new(ksize)
    }
}

impl Pooling {
    /// Windows of this size side by side.
    pub fn new(ksize: impl Into<Sides>) -> Pooling {
        Pooling {
            ksize: ksize.into(),
            stride: None,
            pad: 0.into(),
            cover_all: None,
            count_padding: true,
            outsize: None,
        }
    }

    /// The distance between windows; their size unless stated.
    #[must_use]
    pub fn stride(self, stride: impl Into<Sides>) -> Pooling {
        Pooling { stride: Some(stride.into()), ..self }
    }

    /// Pixels around the image: smaller than any for the largest, zeros for means.
    #[must_use]
    pub fn pad(self, pad: impl Into<Sides>) -> Pooling {
        Pooling { pad: pad.into(), ..self }
    }

    /// Whether a last window may reach over the end, so that every pixel is covered. As Chainer has it, that is so for
    /// everything but means, unless stated.
    #[must_use]
    pub fn cover_all(self, cover_all: bool) -> Pooling {
        Pooling { cover_all: Some(cover_all), ..self }
    }

    /// Whether a mean counts the padding: Chainer's `pad_value=0`, which is the default, or `None`.
    #[must_use]
    pub fn count_padding(self, count_padding: bool) -> Pooling {
        Pooling { count_padding, ..self }
    }

    /// The sides of the image to make, for unpooling and upsampling; the smallest that fit unless stated.
    #[must_use]
    pub fn outsize(self, outsize: impl Into<Sides>) -> Pooling {
        Pooling { outsize: Some(outsize.into()), ..self }
    }

    /// What a pixel of a window weighs in its mean.
    pub(super) fn weight(&self) -> Weight {
        if self.count_padding { Weight::Size } else { Weight::Valid }
    }

    /// Sizes, strides and paddings of `n` sides.
    fn numbers(&self, n: usize) -> Result<[SmallVec<[usize; 3]>; 3], InvalidType> {
        let ksize = self.ksize.of("ksize", n)?;
        let stride = self.stride.as_ref().map_or_else(|| Ok(ksize.clone()), |s| s.of("stride", n))?;
        Ok([ksize, stride, self.pad.of("pad", n)?])
    }

    /// The windows on images `(N, C, ..)` of `sides` sides, or of any number up to three, and the shape of the result.
    pub(super) fn on(&self, x: &Meta, sides: Option<usize>, cover: bool) -> Result<Between, InvalidType> {
        let image = images(x, sides)?;
        let [ksize, stride, pad] = self.numbers(image.len())?;
        let cover = self.cover_all.unwrap_or(cover);
        let count = (0..image.len())
            .map(|i| conv_outsize(image[i], ksize[i], stride[i], pad[i], cover, 1))
            .collect::<Result<_, _>>()?;
        Ok(Between::new(&x.shape, image.into(), count, [ksize, stride, pad]))
    }

    /// The windows that `x`, `(N, C, ..)`, is one pixel a window of, and the shape of the images that they lie on.
    pub(super) fn under(&self, x: &Meta, sides: Option<usize>) -> Result<Between, InvalidType> {
        let count = images(x, sides)?;
        let n = count.len();
        let [ksize, stride, pad] = self.numbers(n)?;
        let cover = self.cover_all.unwrap_or(true);
        let image: SmallVec<[usize; 3]> = match &self.outsize {
            Some(outsize) => outsize.of("outsize", n)?,
            None => (0..n)
                .map(|i| deconv_outsize(count[i], ksize[i], stride[i], pad[i], cover, 1))
                .collect::<Result<_, _>>()?,
        };
        for i in 0..n {
            let expected = conv_outsize(image[i], ksize[i], stride[i], pad[i], cover, 1)?;
            ensure!(
                count[i] == expected,
                format!("x.shape[{}] == {expected}, the windows on a side of {}", i + 2, image[i]),
                "{}",
                count[i]
            );
        }
        Ok(Between::new(&x.shape, image, count.into(), [ksize, stride, pad]))
    }
}

/// The sides of images.
fn images(x: &Meta, sides: Option<usize>) -> Result<&[usize], InvalidType> {
    ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
    match sides {
        Some(n) => ensure!(x.ndim() == n + 2, format!("x.ndim == {}", n + 2), "{}", x.ndim()),
        None => ensure!((3..=5).contains(&x.ndim()), "3 <= x.ndim <= 5", "{}", x.ndim()),
    }
    Ok(&x.shape[2..])
}

/// Windows, the shape of the images they lie on, and that of one pixel for each.
#[derive(Debug, Clone)]
pub(super) struct Between {
    pub windows: Windows,
    pub image: Shape,
    pub pooled: Shape,
}

impl Between {
    fn new(
        x: &Shape,
        image: SmallVec<[usize; 3]>,
        count: SmallVec<[usize; 3]>,
        [ksize, stride, pad]: [SmallVec<[usize; 3]>; 3],
    ) -> Between {
        // Shorter images have sides of 1 in front.
        let three = |v: &[usize], one: usize| {
            let mut all = [one; 3];
            all[3 - v.len()..].copy_from_slice(v);
            all
        };
        let shape = |sides: &[usize]| x[..2].iter().chain(sides).copied().collect();
        Between {
            windows: Windows {
                image: three(&image, 1),
                count: three(&count, 1),
                ksize: three(&ksize, 1),
                stride: three(&stride, 1),
                pad: three(&pad, 0),
            },
            image: shape(&image),
            pooled: shape(&count),
        }
    }
}

/// A linear function from images to windows, or its adjoint.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    pub name: &'static str,
    pub between: Between,
    pub how: How,
    /// From windows to images.
    pub back: bool,
}

/// What a window makes of its pixels.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// Their weighed sum.
    Sum(Weight),
    /// The one that an index names.
    Take(Tensor),
}

impl Linear {
    #[track_caller]
    pub fn call(self, x: &Variable) -> Variable {
        apply(self, &[x])
    }
}

impl Function for Linear {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (from, to) = if self.back {
            (&self.between.pooled, &self.between.image)
        } else {
            (&self.between.image, &self.between.pooled)
        };
        ensure!(xs[0].shape == *from, format!("x.shape == {from}"), "{}", xs[0].shape);
        Ok(vec![Meta::new(to.clone(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let Between { windows, image, pooled } = &self.between;
        match (&self.how, self.back) {
            (How::Sum(weight), false) => windows.sum(&xs[0], *weight, pooled),
            (How::Sum(weight), true) => windows.spread(&xs[0], *weight, image),
            (How::Take(indices), false) => windows.take(&xs[0], indices, pooled),
            (How::Take(indices), true) => windows.put(&xs[0], indices, image),
        }
        .into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let adjoint = Linear { back: !self.back, ..self.clone() };
        vec![gys[0].as_ref().map(|gy| adjoint.call(gy))]
    }
}
