//! Initial values with a structure: identities, orthogonal matrices, filters that resize images.

use super::Initializer;
use crate::{kernel::philox::Generator, shape::Shape};

/// `scale` times the identity, for square matrices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Identity(pub f64);

impl Default for Identity {
    fn default() -> Identity {
        Identity(1.0)
    }
}

impl Initializer for Identity {
    fn draw(&self, shape: &Shape, _: &mut Generator) -> Vec<f32> {
        let square = shape.len() == 2 && shape[0] == shape[1];
        assert!(square, "Identity: expected the shape of a square matrix, got {shape}");
        let n = shape[0];
        (0..n * n).map(|i| if i / n == i % n { self.0 as f32 } else { 0.0 }).collect()
    }
}

/// NaN everywhere: for parameters that are set before they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NaN;

impl Initializer for NaN {
    fn draw(&self, shape: &Shape, _: &mut Generator) -> Vec<f32> {
        vec![f32::NAN; shape.size()]
    }
}

/// Which vectors of an [`Orthogonal`] matrix are orthogonal to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The rows or the columns, whichever are fewer.
    #[default]
    Auto,
    /// The columns, of which there are no more than rows: lengths are kept.
    Embedding,
    /// The rows, of which there are no more than columns.
    Projection,
    /// The rows; there are as many columns.
    Basis,
}

/// A random matrix of orthogonal rows or columns of length `scale`; axes after the first are taken as one.
///
/// (Saxe, McClelland and Ganguli, "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks",
/// 2014.)
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orthogonal {
    /// Length of each vector; 1.1 by default.
    pub scale: f64,
    /// Which vectors are orthogonal.
    pub mode: Mode,
}

impl Default for Orthogonal {
    fn default() -> Orthogonal {
        Orthogonal { scale: 1.1, mode: Mode::Auto }
    }
}

impl Initializer for Orthogonal {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        assert!(!shape.is_empty(), "Orthogonal: expected a shape of at least one axis");
        let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
        let fits = match self.mode {
            Mode::Auto => true,
            Mode::Embedding => rows >= columns,
            Mode::Projection => rows <= columns,
            Mode::Basis => rows == columns,
        };
        assert!(fits, "Orthogonal: {:?} does not fit {rows} rows of {columns}", self.mode);
        // As many vectors as the shorter side has, each as long as the other.
        let (count, length) = (rows.min(columns), rows.max(columns));
        let mut vectors: Vec<Vec<f64>> = (0..count)
            .map(|_| {
                let mut v = vec![0.0; length];
                generator.fill_normal_f64(&mut v);
                v
            })
            .collect();
        for i in 0..count {
            let (before, rest) = vectors.split_at_mut(i);
            let v = &mut rest[0];
            // Twice: what rounding leaves of the others after the first time is gone after the second.
            for u in before.iter().chain(before.iter()) {
                let along: f64 = u.iter().zip(&*v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(v, u)| *v -= along * u);
            }
            let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
            v.iter_mut().for_each(|a| *a /= norm);
        }
        let at = |r: usize, c: usize| if rows <= columns { vectors[r][c] } else { vectors[c][r] };
        (0..rows * columns).map(|i| (at(i / columns, i % columns) * self.scale) as f32).collect()
    }
}

/// Weights of a triangle over `k` pixels, 1 in the middle.
fn triangle(k: usize) -> Vec<f64> {
    let factor = k.div_ceil(2) as f64;
    let middle = factor - if k % 2 == 1 { 1.0 } else { 0.5 };
    (0..k).map(|i| 1.0 - (i as f64 - middle).abs() / factor).collect()
}

/// `weights` of the filters from a channel to itself, zeros between channels.
fn per_channel(name: &str, shape: &Shape, weights: impl Fn(usize) -> Vec<f64>) -> Vec<f32> {
    assert!(
        shape.len() >= 3 && shape[0] == shape[1],
        "{name}: expected the shape (channels, channels, k, ..) of filters, got {shape}"
    );
    let sides: Vec<Vec<f64>> = shape[2..].iter().map(|&k| weights(k)).collect();
    let size: usize = shape[2..].iter().product();
    let weight = |mut i: usize| {
        let mut product = 1.0;
        for side in sides.iter().rev() {
            product *= side[i % side.len()];
            i /= side.len();
        }
        product as f32
    };
    let of = |i: usize| {
        let (to, from) = (i / size / shape[1], i / size % shape[1]);
        if to == from { weight(i % size) } else { 0.0 }
    };
    (0..shape.size()).map(of).collect()
}

/// Filters of a deconvolution that enlarges images by linear interpolation, each channel by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpsamplingDeconvFilter;

impl Initializer for UpsamplingDeconvFilter {
    fn draw(&self, shape: &Shape, _: &mut Generator) -> Vec<f32> {
        per_channel("UpsamplingDeconvFilter", shape, triangle)
    }
}

/// Filters of a convolution that makes images smaller by means that weigh near pixels more, each channel by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DownsamplingConvFilter;

impl Initializer for DownsamplingConvFilter {
    fn draw(&self, shape: &Shape, _: &mut Generator) -> Vec<f32> {
        per_channel("DownsamplingConvFilter", shape, |k| {
            let weights = triangle(k);
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|w| w / sum).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(initializer: &dyn Initializer, shape: &[usize]) -> Vec<f32> {
        initializer.draw(&Shape::from(shape), &mut Generator::new(3))
    }

    #[test]
    fn orthogonal_rows_or_columns() {
        for shape in [&[4, 3][..], &[3, 4], &[2, 3, 2], &[6, 2, 2], &[5, 5]] {
            let v = draw(&Orthogonal::default(), shape);
            let (rows, columns) = (shape[0], v.len() / shape[0]);
            let at = |r: usize, c: usize| f64::from(v[r * columns + c]);
            let product = |i: usize, j: usize| -> f64 {
                if rows <= columns {
                    (0..columns).map(|c| at(i, c) * at(j, c)).sum()
                } else {
                    (0..rows).map(|r| at(r, i) * at(r, j)).sum()
                }
            };
            for i in 0..rows.min(columns) {
                for j in 0..rows.min(columns) {
                    let expected = if i == j { 1.21 } else { 0.0 };
                    assert!((product(i, j) - expected).abs() < 1e-6, "{shape:?}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "Embedding does not fit 3 rows of 4")]
    fn orthogonal_refuses_what_does_not_fit() {
        draw(&Orthogonal { mode: Mode::Embedding, ..Default::default() }, &[3, 4]);
    }

    #[test]
    fn filters_are_chainers() {
        let up = draw(&UpsamplingDeconvFilter, &[2, 2, 3, 3]);
        assert_eq!(up[..9], [0.25, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 0.25]);
        assert_eq!(up[9..18], [0.0; 9]);
        assert_eq!(draw(&UpsamplingDeconvFilter, &[3, 3, 4, 4])[..4], [0.0625, 0.1875, 0.1875, 0.0625]);
        let down = draw(&DownsamplingConvFilter, &[1, 1, 5]);
        for (a, e) in down.iter().zip([1.0, 2.0, 3.0, 2.0, 1.0]) {
            assert!((a - e / 9.0).abs() < 1e-6);
        }
    }

    #[test]
    fn identity_and_nothing() {
        assert_eq!(draw(&Identity(2.0), &[2, 2]), [2.0, 0.0, 0.0, 2.0]);
        assert!(draw(&NaN, &[3]).iter().all(|v| v.is_nan()));
    }
}
