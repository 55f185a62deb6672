//! Large windows side by side by Fourier transforms of tiles: a tile of 16 by 16 pixels gives `17 - k` results along an axis
//! under windows of length `k`. Under 9 by 9 a channel takes 432 products for 64 results, 12 times fewer than the windows.
//!
//! With spectra `X`, `W` and `Y` of tiles of pixels, of filters and of results, the latter two with zeros after them,
//! `Y = sum over channels of X conj(W)`, `X = sum over filters of Y W` and `W = sum over tiles of X conj(Y)`, for each
//! frequency: the forward pass, the gradient to the images, whose tiles overlap and are added, and that to the filters. All
//! wrap around where nobody looks. Spectra of real tiles are symmetric, 9 by 16 frequencies of them are enough, and a complex
//! product is three real ones: `Re a Re b`, `Im a Im b` and `(Re a + Im a) (Re b + Im b)`. So each spectrum has
//! [`POSITIONS`] numbers, and each pass is a matrix product for each of them. (Mathieu, Henaff and LeCun, "Fast Training of
//! Convolutional Networks through FFTs", 2013; Vasilache et al., "Fast Convolutional Nets With fbfft", 2014.)
//!
//! The module is the CPU's; a GPU takes the same tiles as [`transformed`](super::transformed) has it. Errors relative to the
//! largest result, measured by tests, are under 1e-6 over 512 channels on the CPU, and
//! under 2e-6 over 64 on a software adapter. A pixel that is not a number makes its tiles' results so. Only `float32` takes
//! this way, and nothing does with `CATENA_SPECTRAL=off`.

mod cpu;

pub(super) use cpu::{run_cpu, run_weights_cpu};

use super::transformed::{Basis, Job};
use crate::shape::ConvolutionShape;
use std::sync::OnceLock;

/// The side of a tile.
pub(super) const SIDE: usize = 16;

/// Frequencies along the first axis of a tile; there are [`SIDE`] along the second.
pub(super) const HALF: usize = SIDE / 2 + 1;

/// Numbers of a spectrum: real parts, imaginary parts and their sums, each of `HALF * SIDE` frequencies.
pub(super) const POSITIONS: usize = 3 * HALF * SIDE;

/// The convolution, where transforms take less time by a rule: one of them as long as `transform` products.
pub(super) fn job(s: &ConvolutionShape, transform: usize) -> Option<Job> {
    possible(s).filter(|job| job.pays(job.cost(transform, 1)))
}

/// The convolution, where it can be computed so.
pub(super) fn possible(s: &ConvolutionShape) -> Option<Job> {
    static OFF: OnceLock<bool> = OnceLock::new();
    if *OFF.get_or_init(|| std::env::var("CATENA_SPECTRAL").is_ok_and(|v| v == "off")) {
        return None;
    }
    Job::of(Basis::Fourier, s)
}
