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
//! Errors relative to the largest result, measured by these modules' tests, are under 1e-6 over 512 channels on the CPU, and
//! under 2e-6 over 64 on a software adapter. A pixel that is not a number makes its tiles' results so. Only `float32` takes
//! this way, and nothing does with `CATENA_SPECTRAL=off`.

mod cpu;
mod gpu;

pub(super) use cpu::{run_cpu, run_weights_cpu};

use super::Direction;
use crate::{
    device::Device,
    kernel::WORKSPACE,
    shape::{ConvolutionShape, DType},
    tensor::Tensor,
};
use gpu::Spectral;
use std::sync::OnceLock;

/// The side of a tile.
pub(super) const SIDE: usize = 16;

/// Frequencies along the first axis of a tile; there are [`SIDE`] along the second.
pub(super) const HALF: usize = SIDE / 2 + 1;

/// Numbers of a spectrum: real parts, imaginary parts and their sums, each of `HALF * SIDE` frequencies.
pub(super) const POSITIONS: usize = 3 * HALF * SIDE;

/// A convolution as this module has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub images: usize,
    pub groups: usize,
    /// Of a group.
    pub channels: usize,
    pub filters: usize,
    /// Height and width of filters, images and results.
    pub kernel: [usize; 2],
    pub image: [usize; 2],
    pub results: [usize; 2],
    /// Zeros before the first pixel.
    pub pad: [usize; 2],
}

impl Job {
    fn of(s: &ConvolutionShape) -> Option<Job> {
        let flat = s.kernel[0] == 1 && s.image[0] == 1 && s.pad[0] == 0;
        let plain = s.stride == [1; 3] && s.dilate == [1; 3];
        let [_, a, b] = s.kernel;
        (flat && plain && a.max(b) <= SIDE).then(|| Job {
            images: s.images,
            groups: s.groups,
            channels: s.channels,
            filters: s.filters,
            kernel: [a, b],
            image: [s.image[1], s.image[2]],
            results: [s.windows[1], s.windows[2]],
            pad: [s.pad[1], s.pad[2]],
        })
    }

    /// Results of a tile along each axis, which is also the distance of tiles.
    pub fn step(&self) -> [usize; 2] {
        self.kernel.map(|k| SIDE + 1 - k)
    }

    /// Tiles of an image along each axis.
    pub fn tiles(&self) -> [usize; 2] {
        let step = self.step();
        [0, 1].map(|i| self.results[i].div_ceil(step[i]))
    }

    /// Tiles of all images.
    pub fn all_tiles(&self) -> usize {
        self.images * self.tiles().iter().product::<usize>()
    }

    /// Products without tiles.
    fn plain(&self) -> usize {
        let numbers = self.images * self.groups * self.channels * self.filters;
        numbers * self.kernel.iter().chain(&self.results).product::<usize>()
    }

    /// What tiles cost, in products: beside their own the transforms of pixels, results and filters, each of which takes as
    /// long as so many. What is read may be transformed several times.
    fn cost(&self, transform: usize, times: usize) -> usize {
        let (tiles, channels, filters) = (self.all_tiles(), self.channels, self.filters);
        let transforms = tiles * (channels + filters) * times + channels * filters;
        self.groups * (POSITIONS * tiles * channels * filters + transform * transforms)
    }

    fn pays(&self, transform: usize, times: usize) -> bool {
        self.cost(transform, times) * 10 < self.plain() * 8
    }
}

/// The convolution, where transforms take less time by a rule: one of them as long as `transform` products.
pub(super) fn job(s: &ConvolutionShape, transform: usize) -> Option<Job> {
    possible(s).filter(|job| job.pays(transform, 1))
}

/// The convolution, where it can be computed so.
fn possible(s: &ConvolutionShape) -> Option<Job> {
    static OFF: OnceLock<bool> = OnceLock::new();
    if *OFF.get_or_init(|| std::env::var("CATENA_SPECTRAL").is_ok_and(|v| v == "off")) {
        return None;
    }
    Job::of(s).filter(|job| job.plain() > 0)
}

/// The convolution on the GPU that has the operand, where it takes this way.
///
/// By measurements a transform takes as long as 20,000 products on llvmpipe. On hardware it is an estimate: a spectrum is written
/// and read, 4 KB, while a GPU computes some 100,000 products.
pub(super) fn on_gpu(direction: Direction, s: &ConvolutionShape, x: &Tensor) -> Option<Spectral> {
    let Device::Gpu(gpu) = x.device() else { return None };
    if x.dtype() != DType::F32 || x.size() == 0 {
        return None;
    }
    let transform = if gpu.is_software() { 20_000 } else { 100_000 };
    let job = possible(s)?;
    let together = gpu::together(direction, &job, WORKSPACE.min(gpu.max_binding() as usize))?;
    let pays = job.pays(transform, gpu::passes(direction, &job, together));
    pays.then_some(Spectral { direction, job, together })
}
