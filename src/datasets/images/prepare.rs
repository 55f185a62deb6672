use crate::{
    error::{Error, Result},
    random::Generator,
};
use ndarray::{Array3, ArrayView3, Axis};
use std::path::PathBuf;

/// How a picture becomes what a network takes: its size, a part of it, numbers instead of bytes.
///
/// In this order: the shorter side is brought to a length, zeros are put around, a square is cut out, the picture is mirrored
/// by chance, a mean is taken away and the rest multiplied. Where nothing random was asked for the square is the middle.
///
/// ```
/// use catena::{datasets::Prepare, random::Generator};
/// use ndarray::Array3;
///
/// let prepare = Prepare::crop(24).resize(32).mean([10.0, 20.0, 30.0]).scale(0.1);
/// let picture = Array3::from_elem((3, 64, 128), 40u8);
/// let x = prepare.apply(&picture, &mut Generator::new(0)).unwrap();
/// assert_eq!((x.shape(), x[[2, 0, 0]]), (&[3, 24, 24][..], 1.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Prepare {
    side: usize,
    resize: Option<usize>,
    pad: usize,
    random: bool,
    flip: bool,
    bgr: bool,
    mean: Vec<f32>,
    scale: f32,
}

impl Prepare {
    /// A square of `side` pixels out of the middle, of numbers from 0 to 255.
    ///
    /// # Panics
    /// Where `side` is zero.
    #[track_caller]
    pub fn crop(side: usize) -> Prepare {
        assert!(side > 0, "Prepare::crop: expected a side of at least one pixel, got 0");
        Prepare { side, resize: None, pad: 0, random: false, flip: false, bgr: false, mean: vec![], scale: 1.0 }
    }

    /// As Chainer's `prepare` for its networks: 224 pixels, blue before green before red, less the mean pixel of the network
    /// that it was trained with, given here in that order.
    ///
    /// VGG's is `[103.939, 116.779, 123.68]`, GoogLeNet's `[104, 117, 123]`, ResNet's `[103.063, 115.903, 123.152]`. Chainer
    /// brings the whole picture to the square, which changes its proportions; here the middle is taken.
    pub fn as_caffe(mean: [f32; 3]) -> Prepare {
        Prepare { bgr: true, ..Prepare::crop(224).resize(224) }.mean(mean)
    }

    /// Brings the shorter side to this length first.
    #[must_use]
    pub fn resize(self, side: usize) -> Prepare {
        Prepare { resize: Some(side), ..self }
    }

    /// Puts so many zeros around.
    #[must_use]
    pub fn pad(self, pad: usize) -> Prepare {
        Prepare { pad, random: true, ..self }
    }

    /// Cuts the square out of anywhere.
    #[must_use]
    pub fn random(self, yes: bool) -> Prepare {
        Prepare { random: yes, ..self }
    }

    /// Mirrors half of the pictures.
    #[must_use]
    pub fn flip(self, yes: bool) -> Prepare {
        Prepare { flip: yes, ..self }
    }

    /// Takes a mean away from each channel.
    #[must_use]
    pub fn mean(self, mean: impl Into<Vec<f32>>) -> Prepare {
        Prepare { mean: mean.into(), ..self }
    }

    /// Multiplies what is left.
    #[must_use]
    pub fn scale(self, scale: f32) -> Prepare {
        Prepare { scale, ..self }
    }

    /// Prepares a picture.
    ///
    /// # Errors
    /// [`Error::BadFile`] where it is smaller than the square, or has another number of channels than the mean.
    pub fn apply(&self, image: &Array3<u8>, generator: &mut Generator) -> Result<Array3<f32>> {
        let bad = |expected: String, hint: &str| Error::BadFile {
            path: PathBuf::from("a picture"),
            expected,
            actual: format!("{} channels of {}x{} pixels", image.shape()[0], image.shape()[1], image.shape()[2]),
            hint: hint.into(),
        };
        let (channels, height, width) = image.dim();
        if height == 0 || width == 0 || channels == 0 {
            return Err(bad("a picture with pixels".into(), "leave it out"));
        }
        if !self.mean.is_empty() && self.mean.len() != channels {
            return Err(bad(format!("{} channels", self.mean.len()), "convert it, or leave it out"));
        }
        let image = match self.resize {
            Some(side) if side != height.min(width) => {
                let of = |length: usize| (length * side + height.min(width) / 2) / height.min(width);
                resize(image, of(height), of(width))
            }
            _ => image.mapv(f32::from),
        };
        let (_, height, width) = image.dim();
        let (room_y, room_x) = (height + 2 * self.pad, width + 2 * self.pad);
        if room_y < self.side || room_x < self.side {
            return Err(bad(format!("at least {0}x{0} pixels", self.side), "resize it, or cut out less"));
        }
        let (free_y, free_x) = (room_y - self.side, room_x - self.side);
        let place = |free: usize, generator: &mut Generator| match self.random {
            true => generator.randint(0, free as i32 + 1) as usize,
            false => free / 2,
        };
        let (top, left) = (place(free_y, generator), place(free_x, generator));
        let mirrored = self.flip && generator.bernoulli(0.5);
        Ok(Array3::from_shape_fn((channels, self.side, self.side), |(c, y, x)| {
            let x = if mirrored { self.side - 1 - x } else { x };
            let (y, x) = ((y + top).wrapping_sub(self.pad), (x + left).wrapping_sub(self.pad));
            // The padding is what a pixel of value zero would be.
            let from = if self.bgr { channels - 1 - c } else { c };
            let value = image.get((from, y, x)).copied().unwrap_or(0.0);
            (value - self.mean.get(c).copied().unwrap_or(0.0)) * self.scale
        }))
    }
}

/// For each place of the result the first place it is made of, and what each of them counts.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let ratio = from as f64 / to as f64;
    // Where a picture becomes smaller, a place of the result is a mean of all that it stands for.
    let reach = ratio.max(1.0);
    let of = |i: usize| {
        let centre = (i as f64 + 0.5) * ratio;
        let first = ((centre - reach - 0.5).ceil().max(0.0) as usize).min(from - 1);
        let last = ((centre + reach - 0.5).floor() as usize + 1).clamp(first + 1, from);
        let mut all: Vec<f64> =
            (first..last).map(|j| (1.0 - (j as f64 + 0.5 - centre).abs() / reach).max(0.0)).collect();
        let sum: f64 = all.iter().sum();
        if sum <= 0.0 {
            all[0] = 1.0;
        }
        let sum = if sum <= 0.0 { 1.0 } else { sum };
        (first, all.into_iter().map(|w| (w / sum) as f32).collect())
    };
    (0..to).map(of).collect()
}

/// A picture of another size, linearly interpolated; where it becomes smaller, over all the pixels that a new one stands for.
///
/// # Panics
/// Where a side is zero.
#[track_caller]
pub fn resize(image: &Array3<u8>, height: usize, width: usize) -> Array3<f32> {
    assert!(height > 0 && width > 0 && !image.is_empty(), "resize: expected sides of at least one pixel");
    let rows = along(image.mapv(f32::from).view(), 1, height);
    along(rows.view(), 2, width)
}

fn along(image: ArrayView3<'_, f32>, axis: usize, to: usize) -> Array3<f32> {
    let weights = weights(image.shape()[axis], to);
    let mut shape = image.raw_dim();
    shape[axis] = to;
    let mut out = Array3::zeros(shape);
    for (mut row, (first, weights)) in out.axis_iter_mut(Axis(axis)).zip(&weights) {
        for (i, weight) in weights.iter().enumerate() {
            row.scaled_add(*weight, &image.index_axis(Axis(axis), first + i));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn ramp(height: usize, width: usize) -> Array3<u8> {
        Array3::from_shape_fn((3, height, width), |(c, y, x)| (c * 60 + y * 10 + x) as u8)
    }

    #[test]
    fn the_middle_is_cut_out_and_chance_moves_it() {
        let picture = ramp(8, 8);
        let mut generator = Generator::new(1);
        let x = Prepare::crop(4).apply(&picture, &mut generator).unwrap();
        assert_eq!((x[[0, 0, 0]], x[[2, 3, 3]]), (22.0, 120.0 + 55.0));
        let random = Prepare::crop(4).random(true).flip(true);
        let all: Vec<Array3<f32>> = (0..50).map(|_| random.apply(&picture, &mut generator).unwrap()).collect();
        assert!(all.iter().any(|a| a[[0, 0, 0]] > a[[0, 0, 3]]) && all.iter().any(|a| a[[0, 0, 0]] < a[[0, 0, 3]]));
        let corners: std::collections::BTreeSet<i32> =
            all.iter().map(|a| a[[0, 0, 0]].min(a[[0, 0, 3]]) as i32).collect();
        assert!(corners.len() > 10 && corners.contains(&0) | corners.contains(&44), "{corners:?}");
    }

    #[test]
    fn padding_is_black() {
        let picture = Array3::from_elem((3, 4, 4), 100u8);
        let padded = Prepare::crop(8).pad(2).mean([50.0; 3]).scale(0.5);
        let x = padded.apply(&picture, &mut Generator::new(0)).unwrap();
        assert_eq!((x[[0, 0, 0]], x[[0, 4, 4]]), (-25.0, 25.0));
        assert_eq!(x.iter().filter(|v| **v > 0.0).count(), 3 * 16);
    }

    #[test]
    fn sizes_change_without_a_shift() {
        let picture = ramp(6, 9);
        let same = resize(&picture, 6, 9);
        assert!(same.iter().zip(&picture).all(|(a, b)| (a - f32::from(*b)).abs() < 1e-4));
        let half = resize(&ramp(8, 8), 4, 4);
        // Between the pixels that it stands for, but at the edge, where there are fewer.
        assert!((half[[0, 1, 1]] - 27.5).abs() < 1e-3, "{}", half[[0, 1, 1]]);
        let large = resize(&picture, 12, 18);
        assert_eq!(large.shape(), [3, 12, 18]);
        assert!((large[[0, 5, 8]] - (2.25 * 10.0 + 3.75)).abs() < 1e-3, "{}", large[[0, 5, 8]]);
        let short = Prepare::crop(16).resize(16).apply(&picture, &mut Generator::new(0)).unwrap();
        assert_eq!(short.shape(), [3, 16, 16]);
    }

    #[test]
    fn colours_change_places_for_caffe() {
        let picture = Array3::from_shape_fn((3, 224, 300), |(c, _, _)| [200u8, 100, 50][c]);
        let x = Prepare::as_caffe([1.0, 2.0, 3.0]).apply(&picture, &mut Generator::new(0)).unwrap();
        assert_eq!([x[[0, 0, 0]], x[[1, 5, 5]], x[[2, 223, 223]]], [49.0, 98.0, 197.0]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let said = |prepare: Prepare, picture: &Array3<u8>| {
            prepare.apply(picture, &mut Generator::new(0)).unwrap_err().to_string()
        };
        let small = said(Prepare::crop(9), &ramp(8, 12));
        assert!(small.contains("at least 9x9 pixels") && small.contains("3 channels of 8x12"), "{small}");
        let grey = said(Prepare::crop(2).mean([0.0; 3]), &Array3::zeros((1, 4, 4)));
        assert!(grey.contains("expected 3 channels"), "{grey}");
        assert!(said(Prepare::crop(1), &Array3::zeros((3, 0, 4))).contains("with pixels"));
    }
}
