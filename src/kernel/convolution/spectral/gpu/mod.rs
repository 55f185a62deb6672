//! On a GPU: spectra of tiles by one kernel each, a batch of matrix products, and the tiles of their results by another.
//!
//! Images and filters are taken as many at a time as their spectra fit the workspace.

#[cfg(test)]
mod tests;
mod tiles;

use super::{super::Direction, Job, POSITIONS, SIDE};
use crate::{
    device::{Device, Gpu},
    error::Result,
    shape::Shape,
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan},
    },
};
use std::{ops::Range, sync::Arc};
use tiles::{Place, Products, Tiles, Transform, WIDER, Whole, add_tiles, wide, workspace};

/// The sum, where its first part is if nobody else holds that.
fn add(sum: Option<Tensor>, part: Tensor) -> Tensor {
    workspace(match sum {
        Some(sum) => sum.add(&part),
        None => part,
    })
}

/// Columns of a block of products, on most adapters.
const BLOCK: usize = 32;

/// Images and filters of a group whose spectra are there at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Together {
    images: usize,
    filters: usize,
}

/// The bytes of spectra and products of so many images and filters.
fn bytes(direction: Direction, job: &Job, at: Together) -> usize {
    let tiles = (at.images * job.tiles().iter().product::<usize>()).next_multiple_of(4);
    let (channels, filters) = (job.channels.next_multiple_of(4), at.filters);
    let (pixels, results, weights) = (channels * tiles, filters * tiles, filters * channels);
    // Sums are added to where they are. Whole tiles come when the results' spectra are gone.
    let most = match direction {
        Direction::Data => POSITIONS * (pixels + weights) + (POSITIONS * results).max(SIDE * SIDE * pixels),
        Direction::Forward => POSITIONS * (pixels + results + weights),
        Direction::Weights => POSITIONS * (pixels + results + weights + WIDER * (tiles + filters)),
    };
    4 * job.groups * most
}

/// What is taken at a time: all filters with as many images as fit, or few filters with one image; none where even those
/// do not fit `most` bytes.
pub(in super::super) fn together(direction: Direction, job: &Job, most: usize) -> Option<Together> {
    let fits = |at: Together| bytes(direction, job, at) <= most;
    let mut at = Together { images: 1, filters: job.filters };
    while !fits(at) {
        if at.filters <= 8 {
            return None;
        }
        at.filters = at.filters.div_ceil(2);
    }
    let (mut fit, mut above) = (1, job.images + 1);
    while above - fit > 1 {
        let middle = fit.midpoint(above);
        if fits(Together { images: middle, ..at }) { fit = middle } else { above = middle }
    }
    // As few columns as can be that blocks of products compute and nobody wants; of several ways the fewest parts.
    let tiles = job.tiles().iter().product::<usize>();
    let columns = |images: usize| (images * tiles).next_multiple_of(BLOCK);
    let all = |each: usize| job.images / each * columns(each) + columns(job.images % each);
    let images = (1..=fit).rev().min_by_key(|&each| all(each)).unwrap_or(1);
    Some(Together { images, filters: job.filters.div_ceil(job.filters.div_ceil(at.filters)) })
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
    let shape = Shape::from([x.shape()[0], groups, x.shape()[1] / groups, height, width]);
    x.try_reshape_view(&shape).unwrap_or_else(|| x.contiguous().with_shape(&shape))
}

impl Spectral {
    fn pixels(&self, x: &Tensor) -> Tensor {
        let after = if self.direction == Direction::Weights { WIDER } else { 0 };
        Transform { tiles: Tiles::pixels(&self.job), conjugate: false, after }.of(x)
    }

    fn results(&self, y: &Tensor, filters: &Range<usize>, conjugate: bool) -> Tensor {
        Transform { tiles: Tiles::results(&self.job), conjugate, after: 0 }.of(&y.narrow(
            2,
            filters.start,
            filters.len(),
        ))
    }

    /// Of filters `(channels, groups, filters, y, x)`.
    fn filters(&self, w: &Tensor, filters: &Range<usize>, conjugate: bool) -> Tensor {
        let some = w.narrow(2, filters.start, filters.len());
        let spectra = Transform { tiles: Tiles::one(self.job.kernel), conjugate, after: 0 }.of(&some);
        spectra.narrow(3, 0, self.job.channels)
    }

    fn forward(&self, gpu: &Arc<Gpu>, [x, w]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let area = job.results[0] * job.results[1];
        let mut weights = None;
        for images in parts(job.images, self.together.images) {
            let pixels = self.pixels(&x.narrow(0, images.start, images.len()));
            for filters in parts(job.filters, self.together.filters) {
                let some = weights.take().unwrap_or_else(|| self.filters(w, &filters, true));
                let products = workspace(some.matmul(&pixels, false, false));
                if filters.len() == job.filters {
                    weights = Some(some);
                }
                let (row, group) = (area, job.filters * area);
                let image = job.groups * group;
                let to = Place { first: images.start * image + filters.start * row, image, group, row };
                let products = Products { gpu, spectra: &products };
                products.crop(plan, &Tiles::results(job), images.len(), to)?;
            }
        }
        Ok(())
    }

    fn data(&self, gpu: &Arc<Gpu>, [gy, w]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let mut weights = None;
        for images in parts(job.images, self.together.images) {
            let gradients = gy.narrow(0, images.start, images.len());
            let mut sum = None;
            for filters in parts(job.filters, self.together.filters) {
                let some = weights.take().unwrap_or_else(|| self.filters(w, &filters, false));
                let results = self.results(&gradients, &filters, false);
                sum = Some(add(sum, some.matmul(&results, true, false)));
                if filters.len() == job.filters {
                    weights = Some(some);
                }
            }
            let whole = Whole::of(&sum.expect("a filter at least"));
            add_tiles(gpu, job, &whole, images, plan)?;
        }
        Ok(())
    }

    fn weights(&self, gpu: &Arc<Gpu>, [x, gy]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let taps = job.kernel[0] * job.kernel[1];
        for filters in parts(job.filters, self.together.filters) {
            let mut sum = None;
            for images in parts(job.images, self.together.images) {
                let of = |x: &Tensor| x.narrow(0, images.start, images.len());
                let (pixels, results) = (self.pixels(&of(x)), self.results(&of(gy), &filters, true));
                sum = Some(add(sum, results.matmul(&wide(&pixels), false, true)));
            }
            let sum = sum.expect("an image at least");
            let (row, group) = (job.channels * taps, job.filters * job.channels * taps);
            let to = Place { first: filters.start * row, image: taps, group, row };
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
            let w = &args[1];
            let shape = Shape::from([job.groups, job.filters, job.channels, job.kernel[0], job.kernel[1]]);
            let w = w.try_reshape_view(&shape).unwrap_or_else(|| w.contiguous().with_shape(&shape));
            w.transpose(Some(&[2, 0, 1, 3, 4]))
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
