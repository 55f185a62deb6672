use super::{get_item_fancy, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::ensure,
    tensor::{Tensor, expect},
};

/// How [`resize_images`] finds a value between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// By weighing the four nearest pixels.
    Bilinear {
        /// Whether the centres of the corner pixels keep their places; else the corners of the images do.
        align_corners: bool,
    },
    /// The pixel at or before it.
    Nearest,
}

/// For each position of a side of `out`: the pixels of a side of `n` before and after it, and the weight of the latter.
fn sources(resize: Resize, n: usize, out: usize) -> Vec<(usize, usize, f64)> {
    let (scale, last) = (n as f64 / out as f64, (n - 1) as f64);
    let place = |i: usize| match resize {
        Resize::Nearest => (i as f64 * scale).floor(),
        Resize::Bilinear { align_corners: true } if out == 1 => 0.0,
        Resize::Bilinear { align_corners: true } => i as f64 * last / (out - 1) as f64,
        Resize::Bilinear { align_corners: false } => ((i as f64 + 0.5) * scale - 0.5).max(0.0),
    };
    let source = |i: usize| {
        let at = place(i).min(last);
        let first = at.floor();
        (first as usize, (first as usize + 1).min(n - 1), at - first)
    };
    (0..out).map(source).collect()
}

/// Images of another size, `(N, C, H, W)` to `(N, C, height, width)`.
///
/// # Panics
/// When `x` has not 4 axes, or a side of either size is 0.
///
/// ```
/// # use catena::{functions::Resize, prelude::*};
/// let x = Variable::constant(Tensor::arange(2, &Device::cpu()).reshape([1, 1, 1, 2]));
/// let y = F::resize_images(&x, (1, 3), Resize::Bilinear { align_corners: true });
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [0.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn resize_images(x: &Variable, (height, width): (usize, usize), resize: Resize) -> Variable {
    let fits = || {
        ensure!(x.ndim(), ==, 4);
        let some = x.shape()[2] * x.shape()[3] * height * width > 0;
        ensure!(some, "sides above 0", "{} to {height} by {width}", x.shape());
        Ok(())
    };
    expect("resize_images", fits(), &[x.data()]);
    let rows = along(x, 2, height, resize);
    along(&rows, 3, width, resize)
}

/// One axis resized.
fn along(x: &Variable, axis: usize, out: usize, resize: Resize) -> Variable {
    let sources = sources(resize, x.shape()[axis], out);
    let take = |pixels: Vec<i32>| {
        let pixels = Variable::constant(Tensor::from_slice(&pixels, [out], x.device()));
        get_item_fancy(x, &pixels, axis as isize)
    };
    let first = take(sources.iter().map(|s| s.0 as i32).collect());
    if sources.iter().all(|s| s.2 == 0.0) {
        return first;
    }
    let second = take(sources.iter().map(|s| s.1 as i32).collect());
    let weights: Vec<f64> = sources.iter().map(|s| s.2).collect();
    let mut shape = vec![1; x.ndim()];
    shape[axis] = out;
    let weights: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
    let weights = Variable::constant(Tensor::from_slice(&weights, [out], x.device()).cast(x.dtype()));
    let weights = with_shape(&weights, shape);
    &first + (second - &first) * weights
}

pub(super) fn cases() -> Vec<Case> {
    let aligned = Resize::Bilinear { align_corners: true };
    let centred = Resize::Bilinear { align_corners: false };
    vec![
        Case::new("resize_images", move |x| resize_images(&x[0], (5, 7), aligned)).input([1, 2, 3, 4]),
        Case::new("resize_images/smaller", move |x| resize_images(&x[0], (2, 3), aligned)).input([1, 2, 4, 6]),
        Case::new("resize_images/centred", move |x| resize_images(&x[0], (5, 3), centred)).input([2, 1, 3, 4]),
        Case::new("resize_images/nearest", |x| resize_images(&x[0], (5, 7), Resize::Nearest)).input([1, 2, 3, 4]),
        Case::new("resize_images/to_one", move |x| resize_images(&x[0], (1, 1), aligned)).input([1, 2, 3, 4]),
        Case::new("resize_images/same", move |x| resize_images(&x[0], (3, 4), aligned)).input([1, 2, 3, 4]),
    ]
}
