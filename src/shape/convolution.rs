//! Windows over images of one to three axes: their number, and how arrays fit them.

use super::{InvalidType, Meta, Shape, ensure, same_float};
use smallvec::SmallVec;

/// A number for each axis of an image, or one for all of them: `2`, `[2, 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides(SmallVec<[usize; 3]>);

impl From<usize> for Sides {
    fn from(n: usize) -> Sides {
        Sides(SmallVec::from_slice(&[n]))
    }
}
impl<const N: usize> From<[usize; N]> for Sides {
    fn from(each: [usize; N]) -> Sides {
        Sides(SmallVec::from_slice(&each))
    }
}
impl From<&[usize]> for Sides {
    fn from(each: &[usize]) -> Sides {
        Sides(SmallVec::from_slice(each))
    }
}

impl Sides {
    /// The number of each of `ndim` axes.
    ///
    /// # Errors
    /// When there are more or fewer numbers.
    pub fn of(&self, what: &str, ndim: usize) -> Result<SmallVec<[usize; 3]>, InvalidType> {
        if self.0.len() == 1 {
            return Ok(SmallVec::from_elem(self.0[0], ndim));
        }
        ensure!(
            self.0.len() == ndim,
            format!("{what}: one number, or one for each of {ndim} axes"),
            "{:?}",
            &self.0[..]
        );
        Ok(self.0.clone())
    }
}

/// How the windows of a convolution lie on an image.
///
/// ```
/// use catena::shape::Convolution;
/// let same = Convolution::default().pad(1);
/// let halved = Convolution::default().stride(2).pad([1, 0]).groups(4);
/// assert_ne!(same, halved);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convolution {
    /// Distance between windows; 1 unless set.
    pub stride: Sides,
    /// Zeros around the image; 0 unless set.
    pub pad: Sides,
    /// Distance between the elements of a window; 1 unless set.
    pub dilate: Sides,
    /// Groups of channels that know nothing of each other; 1 unless set.
    pub groups: usize,
    /// Whether windows that reach over the far end count, so that every element is covered.
    pub cover_all: bool,
}

impl Default for Convolution {
    fn default() -> Convolution {
        Convolution { stride: 1.into(), pad: 0.into(), dilate: 1.into(), groups: 1, cover_all: false }
    }
}

impl Convolution {
    /// With windows at this distance from each other.
    #[must_use]
    pub fn stride(self, stride: impl Into<Sides>) -> Convolution {
        Convolution { stride: stride.into(), ..self }
    }

    /// With zeros around the image.
    #[must_use]
    pub fn pad(self, pad: impl Into<Sides>) -> Convolution {
        Convolution { pad: pad.into(), ..self }
    }

    /// With the elements of a window at this distance from each other.
    #[must_use]
    pub fn dilate(self, dilate: impl Into<Sides>) -> Convolution {
        Convolution { dilate: dilate.into(), ..self }
    }

    /// With the channels in groups.
    #[must_use]
    pub fn groups(self, groups: usize) -> Convolution {
        Convolution { groups, ..self }
    }

    /// With windows that reach over the far end, where it would not be covered else.
    #[must_use]
    pub fn cover_all(self, cover_all: bool) -> Convolution {
        Convolution { cover_all, ..self }
    }
}

/// The sizes of a convolution; axes of images are the last three, leading ones of length 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConvolutionShape {
    /// Number of images.
    pub images: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Channels of the image in each group.
    pub channels: usize,
    /// Filters in each group.
    pub filters: usize,
    /// Number of the image's axes.
    pub ndim: usize,
    /// Lengths of the image's axes.
    pub image: [usize; 3],
    /// Those of a window.
    pub kernel: [usize; 3],
    /// Number of windows along each axis.
    pub windows: [usize; 3],
    /// Distance between windows.
    pub stride: [usize; 3],
    /// Zeros around the image.
    pub pad: [usize; 3],
    /// Distance between the elements of a window.
    pub dilate: [usize; 3],
}

/// Three numbers, the first of them `one` where there are fewer.
fn three(each: &[usize], one: usize) -> [usize; 3] {
    let mut all = [one; 3];
    all[3 - each.len()..].copy_from_slice(each);
    all
}

impl ConvolutionShape {
    /// Elements of a window.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Products that a convolution takes, and each of its gradients.
    pub fn products(&self) -> usize {
        self.images * self.groups * self.filters * self.channels * self.taps() * self.area()
    }

    /// Windows of an image.
    pub fn area(&self) -> usize {
        self.windows.iter().product()
    }

    /// Elements of an image's channel.
    pub fn pixels(&self) -> usize {
        self.image.iter().product()
    }

    fn array(&self, lead: [usize; 2], sides: &[usize; 3]) -> Shape {
        Shape::from([&lead[..], &sides[3 - self.ndim..]].concat())
    }

    /// The shape of the images.
    pub fn images_shape(&self) -> Shape {
        self.array([self.images, self.groups * self.channels], &self.image)
    }

    /// The shape of the filters.
    pub fn filters_shape(&self) -> Shape {
        self.array([self.groups * self.filters, self.channels], &self.kernel)
    }

    /// The shape of the results.
    pub fn results_shape(&self) -> Shape {
        self.array([self.images, self.groups * self.filters], &self.windows)
    }

    /// How far a window's element `tap` lies from the image's corner where the window is the first, along one axis.
    pub fn away(&self, axis: usize, tap: usize) -> isize {
        (tap * self.dilate[axis]) as isize - self.pad[axis] as isize
    }
}

/// Length that a window of `k` elements takes.
fn reach(k: usize, dilate: usize) -> usize {
    (k - 1) * dilate + 1
}

fn same_axes(x: &Meta, w: &Meta) -> Result<usize, InvalidType> {
    same_float(&[x.clone(), w.clone()])?;
    ensure!((3..=5).contains(&x.ndim()), "3 <= x.ndim <= 5", "{}", x.ndim());
    ensure!(w.ndim() == x.ndim(), "w.ndim == x.ndim", "{} != {}", w.ndim(), x.ndim());
    Ok(x.ndim() - 2)
}

struct Numbers {
    kernel: SmallVec<[usize; 3]>,
    stride: SmallVec<[usize; 3]>,
    pad: SmallVec<[usize; 3]>,
    dilate: SmallVec<[usize; 3]>,
}

fn numbers(w: &Meta, c: &Convolution, ndim: usize) -> Result<Numbers, InvalidType> {
    let n = Numbers {
        kernel: SmallVec::from_slice(&w.shape[2..]),
        stride: c.stride.of("stride", ndim)?,
        pad: c.pad.of("pad", ndim)?,
        dilate: c.dilate.of("dilate", ndim)?,
    };
    ensure!(c.groups, >, 0);
    for a in 0..ndim {
        ensure!(n.kernel[a] > 0, "windows of at least one element", "w.shape = {}", w.shape);
        ensure!(n.stride[a] > 0 && n.dilate[a] > 0, "strides and dilations above 0", "{c:?}");
    }
    Ok(n)
}

/// Images `(N, C, ..)` under filters `(O, C / groups, ..)`: the results, `(N, O, ..)`.
pub fn convolution(x: &Meta, w: &Meta, c: &Convolution) -> Result<(Meta, ConvolutionShape), InvalidType> {
    let ndim = same_axes(x, w)?;
    let n = numbers(w, c, ndim)?;
    ensure!(
        x.shape[1].is_multiple_of(c.groups),
        format!("x.shape[1] divisible by groups = {}", c.groups),
        "{}",
        x.shape[1]
    );
    ensure!(
        w.shape[0].is_multiple_of(c.groups),
        format!("w.shape[0] divisible by groups = {}", c.groups),
        "{}",
        w.shape[0]
    );
    let channels = x.shape[1] / c.groups;
    ensure!(w.shape[1] == channels, "w.shape[1] == x.shape[1] / groups", "{} != {channels}", w.shape[1]);
    let mut windows = SmallVec::<[usize; 3]>::new();
    for a in 0..ndim {
        let (padded, reach) = (x.shape[2 + a] + 2 * n.pad[a], reach(n.kernel[a], n.dilate[a]));
        let room = if c.cover_all { padded + n.stride[a] - 1 } else { padded };
        ensure!(
            padded >= reach || (c.cover_all && room >= reach),
            format!("a window of {reach} within the padded image of {padded} on axis {}", 2 + a),
            "x.shape = {}, w.shape = {}",
            x.shape,
            w.shape
        );
        windows.push((room - reach) / n.stride[a] + 1);
    }
    let shape = ConvolutionShape {
        images: x.shape[0],
        groups: c.groups,
        channels,
        filters: w.shape[0] / c.groups,
        ndim,
        image: three(&x.shape[2..], 1),
        kernel: three(&n.kernel, 1),
        windows: three(&windows, 1),
        stride: three(&n.stride, 1),
        pad: three(&n.pad, 0),
        dilate: three(&n.dilate, 1),
    };
    Ok((Meta::new(shape.results_shape(), x.dtype), shape))
}

/// Results `(N, C, ..)` back to images under filters `(C, O / groups, ..)`: the images, `(N, O, ..)`.
///
/// Their axes have the least length that gives as many windows, or `outsize`.
pub fn deconvolution(
    x: &Meta,
    w: &Meta,
    c: &Convolution,
    outsize: Option<&Sides>,
) -> Result<(Meta, ConvolutionShape), InvalidType> {
    let ndim = same_axes(x, w)?;
    let n = numbers(w, c, ndim)?;
    ensure!(
        x.shape[1].is_multiple_of(c.groups),
        format!("x.shape[1] divisible by groups = {}", c.groups),
        "{}",
        x.shape[1]
    );
    ensure!(w.shape[0] == x.shape[1], "w.shape[0] == x.shape[1]", "{} != {}", w.shape[0], x.shape[1]);
    let given = outsize.map(|o| o.of("outsize", ndim)).transpose()?;
    let mut image = SmallVec::<[usize; 3]>::new();
    for a in 0..ndim {
        let (windows, reach) = (x.shape[2 + a], reach(n.kernel[a], n.dilate[a]));
        ensure!(windows > 0, "images with an element", "x.shape = {}", x.shape);
        let least = n.stride[a] * (windows - 1) + reach;
        let length = match &given {
            Some(given) => given[a],
            None => {
                ensure!(
                    least > 2 * n.pad[a],
                    format!("padding of less than half of {least} on axis {}", 2 + a),
                    "{}",
                    n.pad[a]
                );
                least - 2 * n.pad[a]
            }
        };
        let fits = |length: usize| {
            let room = length + 2 * n.pad[a] + if c.cover_all { n.stride[a] - 1 } else { 0 };
            room >= reach && (room - reach) / n.stride[a] + 1 == windows
        };
        ensure!(
            given.is_none() || fits(length),
            format!("an outsize whose convolution has x.shape[{}] = {windows} windows", 2 + a),
            "{length}"
        );
        image.push(length);
    }
    let shape = ConvolutionShape {
        images: x.shape[0],
        groups: c.groups,
        channels: w.shape[1],
        filters: x.shape[1] / c.groups,
        ndim,
        image: three(&image, 1),
        kernel: three(&n.kernel, 1),
        windows: three(&x.shape[2..], 1),
        stride: three(&n.stride, 1),
        pad: three(&n.pad, 0),
        dilate: three(&n.dilate, 1),
    };
    Ok((Meta::new(shape.images_shape(), x.dtype), shape))
}
