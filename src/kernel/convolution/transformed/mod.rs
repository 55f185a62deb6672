//! Convolutions on a GPU by transforms of tiles, of which one kernel takes what is read there, a batch of matrix products what is
//! computed, a matrix for each position, and another kernel the tiles of that back.
//!
//! Large windows go by Fourier transforms ([`spectral`]), those of 3 by 3 by Winograd's matrices ([`winograd`]); a rule names
//! the least of both and of what windows take as they are. Images and filters are taken as many at a time as what they become
//! fits the workspace.

mod job;
#[cfg(test)]
mod tests;
mod tiles;

pub(super) use job::{Basis, Job};

use super::{Direction, columns::as_shape, spectral, winograd};
use crate::{
    device::{Device, Gpu},
    error::Result,
    kernel::WORKSPACE,
    shape::{ConvolutionShape, DType},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan},
    },
};
use std::{ops::Range, sync::Arc};
use tiles::{Of, Place, Products, Tiles, Transform, WIDER, Whole, add_tiles, wide, workspace};

/// The sum, where its first part is: a product that nobody else holds is added to it as it is computed.
fn add(sum: Option<Tensor>, part: Tensor) -> Tensor {
    workspace(sum.map(|sum| sum.add(&part)).unwrap_or(part))
}

/// Columns of a block of products, on most adapters.
const BLOCK: usize = 32;

/// Images that are there at once, and of a group the channels that are computed, or the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Together {
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

/// The bytes of what is transformed and of the products of so many images and channels.
fn bytes(direction: Direction, job: &Job, at: Together) -> usize {
    let tiles = (at.images * job.tiles().iter().product::<usize>()).next_multiple_of(4);
    let [inner, outer] = [sides(direction, job)[0], at.outer].map(|n| n.next_multiple_of(4));
    let (read, computed, weights) = (inner * tiles, outer * tiles, inner * outer);
    let (positions, pixels) = (job.basis.positions(), job.basis.side() * job.basis.side());
    let most = match direction {
        Direction::Forward => positions * (read + computed + weights),
        // Whole tiles come when what was read is gone.
        Direction::Data => positions * (computed + weights) + (positions * read).max(pixels * computed),
        // Sums are added to where they are.
        Direction::Weights => positions * (read + computed + weights + WIDER * (tiles + outer)),
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
pub(super) fn together(direction: Direction, job: &Job, most: usize) -> Option<Together> {
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
pub(super) fn passes(direction: Direction, job: &Job, at: Together) -> usize {
    sides(direction, job)[1].div_ceil(at.outer)
}

/// A convolution or one of its gradients.
#[derive(Debug)]
pub(super) struct Transformed {
    pub direction: Direction,
    pub job: Job,
    pub together: Together,
}

/// Products that take as long as the transform of a tile.
///
/// By measurements on llvmpipe, where products of matrices run faster than those of windows do. On hardware an estimate: while a
/// transformed tile is written and read, 4 KB or some 300 bytes, a GPU computes so many.
fn transform(basis: Basis, gpu: &Gpu) -> usize {
    match (basis, gpu.is_software()) {
        (Basis::Fourier, true) => 20_000,
        (Basis::Fourier, false) => 100_000,
        (Basis::Winograd, true) => 1_000,
        (Basis::Winograd, false) => 4_000,
    }
}

/// The ways by tiles on the GPU that has the operand, the one that takes least by a rule first; and whether that pays.
pub(super) fn ways(direction: Direction, s: &ConvolutionShape, x: &Tensor) -> Vec<(Transformed, bool)> {
    let Device::Gpu(gpu) = x.device() else { return vec![] };
    if x.dtype() != DType::F32 || x.size() == 0 {
        return vec![];
    }
    let most = WORKSPACE.min(gpu.max_binding() as usize);
    let way = |job: Job| {
        let together = together(direction, &job, most)?;
        let cost = job.cost(transform(job.basis, gpu), passes(direction, &job, together));
        let pays = job.pays(cost);
        // Whatever is far from it nobody has to measure.
        (cost < 2 * job.plain()).then_some((cost, (Transformed { direction, job, together }, pays)))
    };
    let jobs = [spectral::possible(s), winograd::possible(s)];
    let mut ways: Vec<_> = jobs.into_iter().flatten().filter_map(way).collect();
    ways.sort_by_key(|way| way.0);
    ways.into_iter().map(|way| way.1).collect()
}

fn parts(all: usize, each: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..all).step_by(each.max(1)).map(move |at| at..(at + each).min(all))
}

/// An array as `(images, groups, rows, y, x)`.
fn as_tiled(x: &Tensor, groups: usize, [height, width]: [usize; 2]) -> Tensor {
    as_shape(x, &[x.shape()[0], groups, x.shape()[1] / groups, height, width])
}

impl Transformed {
    fn pixels(&self, x: &Tensor) -> Tensor {
        let after = if self.direction == Direction::Weights { WIDER } else { 0 };
        self.transform(Of::Pixels, Tiles::pixels(&self.job), after).of(x)
    }

    fn results(&self, y: &Tensor) -> Tensor {
        self.transform(Of::Results, Tiles::results(&self.job), 0).of(y)
    }

    /// Of filters `(read, groups, computed, y, x)`, where what is read are channels, of the gradient to them filters: products
    /// find what they sum over side by side.
    fn filters(&self, w: &Tensor) -> Tensor {
        let transformed = self.transform(Of::Filters, Tiles::one(self.job.kernel), 0).of(w);
        transformed.narrow(3, 0, w.shape()[0])
    }

    fn transform(&self, of: Of, tiles: Tiles, after: usize) -> Transform {
        // Of spectra that are multiplied, one is conjugate where results are not those of a sum.
        let conjugate =
            matches!((self.direction, of), (Direction::Forward, Of::Filters) | (Direction::Weights, Of::Results));
        Transform { basis: self.job.basis, of, tiles, conjugate, after }
    }

    fn forward(&self, gpu: &Arc<Gpu>, [x, w]: [&Tensor; 2], plan: &Plan) -> Result<()> {
        let job = &self.job;
        let row = job.results[0] * job.results[1];
        let group = job.filters * row;
        let image = job.groups * group;
        for filters in parts(job.filters, self.together.outer) {
            let weights = self.filters(&w.narrow(2, filters.start, filters.len()));
            for images in parts(job.images, self.together.images) {
                let pixels = self.pixels(&x.narrow(0, images.start, images.len()));
                let products = workspace(weights.matmul(&pixels, false, false));
                let to = Place { first: images.start * image + filters.start * row, image, group, row };
                let products = Products { gpu, basis: job.basis, values: &products };
                products.crop(plan, Of::Results, &Tiles::results(job), images.len(), to)?;
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
            let weights = self.filters(&w.narrow(2, channels.start, channels.len()));
            for images in parts(job.images, self.together.images) {
                let results = self.results(&gy.narrow(0, images.start, images.len()));
                let products = workspace(weights.matmul(&results, false, false));
                drop(results);
                let to = Place { first: images.start * image + channels.start * row, image, group, row };
                if job.basis == Basis::Fourier && job.tiles() == [1; 2] && job.pad == [0; 2] {
                    // Nothing overlaps.
                    let products = Products { gpu, basis: job.basis, values: &products };
                    products.crop(plan, Of::Pixels, &Tiles::one(job.image), images.len(), to)?;
                } else {
                    add_tiles(gpu, job, &Whole(job.basis).of(&products), images.len(), to, plan)?;
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
                let (pixels, results) = (self.pixels(&of(x)), self.results(&of(&gy)));
                sum = Some(add(sum, results.matmul(&wide(&pixels), false, true)));
            }
            let sum = sum.expect("an image at least");
            let to = Place { first: filters.start * row, image, group, row };
            let products = Products { gpu, basis: job.basis, values: &sum };
            products.crop(plan, Of::Filters, &Tiles::one(job.kernel), job.channels, to)?;
        }
        Ok(())
    }
}

impl Launcher for Transformed {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("the CPU has its own") };
        let job = &self.job;
        let filters = |axes: [isize; 5]| {
            let shape = [job.groups, job.filters, job.channels, job.kernel[0], job.kernel[1]];
            as_shape(&args[1], &shape).transpose(Some(&axes))
        };
        match self.direction {
            Direction::Forward => {
                let x = as_tiled(&args[0], job.groups, job.image);
                self.forward(gpu, [&x, &filters([2, 0, 1, 3, 4])], plan)
            }
            Direction::Data => {
                let gy = as_tiled(&args[0], job.groups, job.results);
                self.data(gpu, [&gy, &filters([1, 0, 2, 3, 4])], plan)
            }
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
