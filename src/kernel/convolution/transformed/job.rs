//! What is computed by transforms of tiles, and what that costs.

use super::super::spectral;
use crate::shape::ConvolutionShape;

/// What tiles are transformed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Basis {
    /// Tiles of 16 by 16 pixels by waves, for windows of any lengths up to that ([`spectral`]).
    Fourier,
    /// Tiles of 6 by 6 pixels by Winograd's matrices, for windows of 3 by 3 ([`winograd`](super::super::winograd)).
    Winograd,
}

impl Basis {
    /// The side of a tile of pixels.
    pub fn side(self) -> usize {
        match self {
            Basis::Fourier => spectral::SIDE,
            Basis::Winograd => 6,
        }
    }

    /// Numbers that a transformed tile has.
    pub fn positions(self) -> usize {
        match self {
            Basis::Fourier => spectral::POSITIONS,
            Basis::Winograd => 36,
        }
    }
}

/// A convolution of windows side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Job {
    pub basis: Basis,
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
    /// The convolution, where there are such transforms for its windows.
    pub fn of(basis: Basis, s: &ConvolutionShape) -> Option<Job> {
        let flat = s.kernel[0] == 1 && s.image[0] == 1 && s.pad[0] == 0;
        let plain = s.stride == [1; 3] && s.dilate == [1; 3];
        let [_, a, b] = s.kernel;
        let fits = match basis {
            Basis::Fourier => a.max(b) <= basis.side(),
            Basis::Winograd => [a, b] == [3; 2],
        };
        let job = Job {
            basis,
            images: s.images,
            groups: s.groups,
            channels: s.channels,
            filters: s.filters,
            kernel: [a, b],
            image: [s.image[1], s.image[2]],
            results: [s.windows[1], s.windows[2]],
            pad: [s.pad[1], s.pad[2]],
        };
        (flat && plain && fits && job.plain() > 0).then_some(job)
    }

    /// Results of a tile along each axis, which is also the distance of tiles.
    pub fn step(&self) -> [usize; 2] {
        self.kernel.map(|k| self.basis.side() + 1 - k)
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
    pub fn plain(&self) -> usize {
        let numbers = self.images * self.groups * self.channels * self.filters;
        numbers * self.kernel.iter().chain(&self.results).product::<usize>()
    }

    /// What tiles cost, in products: beside their own the transforms of pixels, results and filters, each of which takes as
    /// long as so many. What is read may be transformed several times.
    pub fn cost(&self, transform: usize, times: usize) -> usize {
        let (tiles, channels, filters) = (self.all_tiles(), self.channels, self.filters);
        let transforms = tiles * (channels + filters) * times + channels * filters;
        self.groups * (self.basis.positions() * tiles * channels * filters + transform * transforms)
    }

    /// Whether so many products are clearly less than there are without tiles.
    pub fn pays(&self, cost: usize) -> bool {
        cost * 10 < self.plain() * 8
    }
}
