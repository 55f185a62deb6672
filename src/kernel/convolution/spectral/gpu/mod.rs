//! On a GPU: spectra of tiles by one kernel each, a batch of matrix products, and the tiles of their results by another.
//!
//! Images and filters are taken as many at a time as their spectra fit the workspace.

#[cfg(test)]
mod tests;
mod tiles;

use super::{
    super::{Direction, columns::as_shape},
    Job, POSITIONS, SIDE,
};
use crate::{
    device::{Device, Gpu},
    error::Result,
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan},
    },
};
use std::{ops::Range, sync::Arc};
use tiles::{Place, Products, Tiles, Transform, WIDER, Whole, add_tiles, wide, workspace};

/// The sum, where its first part is: a product that nobody else holds is added to it as it is computed.
fn add(sum: Option<Tensor>, part: Tensor) -> Tensor {
    workspace(sum.map(|sum| sum.add(&part)).unwrap_or(part))
}

/// Columns of a block of products, on most adapters.
const BLOCK: usize = 32;

/// Images whose spectra are there at once, and of a group the channels that are computed, or the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Together {
    images: usize,
    outer: usize,
}

/// Channels of a group that are read and that are computed; of the gradient to the filters both are read.
fn sides(direction: Direction, job: &Job) -> [usize; 2] {
    match direction {
        Direction::Data => [job.filters, job.channels],
        _ => [job.channels, job.filters],
    }
}

/// The bytes of spectra and products of so many images and channels.
fn bytes(direction: Direction, job: &Job, at: Together) -> usize {
    let tiles = (at.images * job.tiles().iter().product::<usize>()).next_multiple_of(4);
    let [inner, outer] = [sides(direction, job)[0], at.outer].map(|n| n.next_multiple_of(4));
    let (read, computed, weights) = (inner * tiles, outer * tiles, inner * outer);
    let most = match direction {
        Direction::Forward => POSITIONS * (read + computed + weights),
        // Whole tiles come when what was read is gone.
        Direction::Data => POSITIONS * (computed + weights) + (POSITIONS * read).max(SIDE * SIDE * computed),
        // Sums are added to where they are.
        Direction::Weights => POSITIONS * (read + computed + weights + WIDER * (tiles + outer)),
    };
    4 * job.groups * most
}

/// The largest number from one on with a property that smaller ones have too, if one has it.
fn largest(most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut fit, mut above) = (0, most + 1);
    while above - fit > 1 {
        let middle = fit.midpoint(above);
        if fits(middle) { fit = middle } else { above = middle }
    }
    (fit > 0).then_some(fit)
}

/// What is taken at a time: images that fit `most` bytes with all channels, or with as many as have filters of half of that;
/// none where one image does not fit with eight.
pub(in super::super) fn together(direction: Direction, job: &Job, most: usize) -> Option<Together> {
    let fits = |images, outer, most| bytes(direction, job, Together { images, outer }) <= most;
    let all = sides(direction, job)[1];
    let outer = match fits(1, all, most) {
        true => all,
        false => {
            let some = largest(all, |outer| fits(0, outer, most / 2) && fits(1, outer, most));
            some.filter(|&outer| outer >= 8)?
        }
    };
    let outer = all.div_ceil(all.div_ceil(outer));
    let fit = largest(job.images, |images| fits(images, outer, most))?;
    // As few columns as can be that blocks of products compute and nobody wants; of several ways the fewest parts.
    let tiles = job.tiles().iter().product::<usize>();
    let columns = |images: usize| (images * tiles).next_multiple_of(BLOCK);
    let columns = |each: usize| job.images / each * columns(each) + columns(job.images % each);
    let images = match direction {
        // Products sum over the columns.
        Direction::Weights => job.images.div_ceil(job.images.div_ceil(fit)),
        _ => (1..=fit).rev().min_by_key(|&each| columns(each))?,
    };
    Some(Together { images, outer })
}

/// How often what is read is transformed.
pub(in super::super) fn passes(direction: Direction, job: &Job, at: Together) -> usize {
    sides(direction, job)[1].div_ceil(at.outer)
}

/// A convolution or one of its gradients.
#[derive(Debug)]
pub(in super::super) struct Spectral {
    pub direction: Direction,
    pub job: Job,
    pub together: Together,
}

fn parts(all: usize, each: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..all).step_by(each.max(1)).map(move |at| at..(at + each).min(all))
}

/// An array as `(images, groups, rows, y, x)`.
fn as_tiled(x: &Tensor, groups: usize, [height, width]: [usize; 2]) -> Tensor {
    as_shape(x, &[x.shape()[0], groups, x.shape()[1] / groups, height, width])
}

impl Spectral {
    fn pixels(&self, x: &Tensor) -> Tensor {
        let after = if self.direction == Direction::Weights { WIDER } else { 0 };
        Transform { tiles: Tiles::pixels(&self.job), conjugate: false, after }.of(x)
    }

    fn results(&self, y: &Tensor, conjugate: bool) -> Tensor {
        Transform { tiles: Tiles::results(&self.job), conjugate, after: 0 }.of(y)
    }

    /// Of filters `(channels, groups, filters, y, x)`.
    fn filters(&self, w: &Tensor, conjugate: bool) -> Tensor {
        let spectra = Transform { tiles: Tiles::one(self.job.kernel), conjugate, after: 0 }.of(w);
        spectra.narrow(3, 0, w.shape()[0])
    }

    fn forward(&self, gpu: &Arc<Gpu>, [x, w]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let row = job.results[0] * job.results[1];
        let group = job.filters * row;
        let image = job.groups * group;
        for filters in parts(job.filters, self.together.outer) {
            let weights = self.filters(&w.narrow(2, filters.start, filters.len()), true);
            for images in parts(job.images, self.together.images) {
                let pixels = self.pixels(&x.narrow(0, images.start, images.len()));
                let products = workspace(weights.matmul(&pixels, false, false));
                let to = Place { first: images.start * image + filters.start * row, image, group, row };
                let products = Products { gpu, spectra: &products };
                products.crop(plan, &Tiles::results(job), images.len(), to)?;
            }
        }
        Ok(())
    }

    fn data(&self, gpu: &Arc<Gpu>, [gy, w]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let row = job.image[0] * job.image[1];
        let group = job.channels * row;
        let image = job.groups * group;
        for channels in parts(job.channels, self.together.outer) {
            let weights = self.filters(&w.narrow(0, channels.start, channels.len()), false);
            for images in parts(job.images, self.together.images) {
                let results = self.results(&gy.narrow(0, images.start, images.len()), false);
                let products = workspace(weights.matmul(&results, true, false));
                drop(results);
                let to = Place { first: images.start * image + channels.start * row, image, group, row };
                if job.tiles() == [1; 2] && job.pad == [0; 2] {
                    // Nothing overlaps.
                    Products { gpu, spectra: &products }.crop(plan, &Tiles::one(job.image), images.len(), to)?;
                } else {
                    add_tiles(gpu, job, &Whole::of(&products), images.len(), to, plan)?;
                }
            }
        }
        Ok(())
    }

    fn weights(&self, gpu: &Arc<Gpu>, [x, gy]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let image = job.kernel[0] * job.kernel[1];
        let row = job.channels * image;
        let group = job.filters * row;
        for filters in parts(job.filters, self.together.outer) {
            let gy = gy.narrow(2, filters.start, filters.len());
            let mut sum = None;
            for images in parts(job.images, self.together.images) {
                let of = |x: &Tensor| x.narrow(0, images.start, images.len());
                let (pixels, results) = (self.pixels(&of(x)), self.results(&of(&gy), true));
                sum = Some(add(sum, results.matmul(&wide(&pixels), false, true)));
            }
            let sum = sum.expect("an image at least");
            let to = Place { first: filters.start * row, image, group, row };
            Products { gpu, spectra: &sum }.crop(plan, &Tiles::one(job.kernel), job.channels, to)?;
        }
        Ok(())
    }
}

impl Launcher for Spectral {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("the CPU has its own") };
        let job = &self.job;
        let filters = || {
            let shape = [job.groups, job.filters, job.channels, job.kernel[0], job.kernel[1]];
            as_shape(&args[1], &shape).transpose(Some(&[2, 0, 1, 3, 4]))
        };
        match self.direction {
            Direction::Forward => self.forward(gpu, [&as_tiled(&args[0], job.groups, job.image), &filters()], plan),
            Direction::Data => self.data(gpu, [&as_tiled(&args[0], job.groups, job.results), &filters()], plan),
            Direction::Weights => {
                let [x, gy] =
                    [(&args[0], job.image), (&args[1], job.results)].map(|(x, size)| as_tiled(x, job.groups, size));
                self.weights(gpu, [&x, &gy], plan)
            }
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}
