//! Convolution of images of one to three axes, and its two gradients: `y = c(x, w)`, `gx = d(gy, w)`, `gw = f(x, gy)`.
//!
//! Derivatives of the three are the three again. On a GPU each is a matrix product whose operands are found in the images
//! themselves (`gemm/*.wgsl` with the operands of `convolution/*.wgsl`); its workspace is a table of offsets, and parts of
//! sums where there are few results. Software adapters take another way to the gradients ([`columns`]). On the CPU blocks of
//! windows are gathered as the panels that tiles are computed from ([`tiles`](super::tiles)), by whole vectors: from the
//! images, or where there is padding from a copy of the few rows under the block.
//!
//! Large windows ([`spectral`]) and those of 3 by 3 ([`winograd`]) take several times fewer products everywhere, on a GPU by
//! [`transformed`]; groups of a channel or two have loops of their own ([`depthwise`]). The workspace is
//! [`WORKSPACE`](super::WORKSPACE) at most, and a few megabytes of each thread on the CPU.

mod columns;
mod cpu;
mod data;
mod depthwise;
mod forward;
mod gather;
mod patches;
mod runs;
mod spectral;
mod table;
#[cfg(test)]
mod tests;
mod transformed;
mod vectors;
mod ways;
mod weights;
mod winograd;

use super::{
    elementwise, matmul,
    slabs::{shown, slab, slabs, together},
};
use crate::{
    device::Device,
    error::Result,
    shape::{ConvolutionShape, DType, Shape},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
    },
};
use std::sync::Arc;
use ways::Ways;

impl Tensor {
    /// Images under filters: `(N, G * C, ..)` and `(G * F, C, ..)` to `(N, G * F, ..)`.
    pub(crate) fn convolve(&self, filters: &Tensor, shape: &ConvolutionShape) -> Tensor {
        run(Direction::Forward, self, filters, shape, shape.results_shape())
    }

    /// The gradient of [`Tensor::convolve`] to the images, of the results' gradient.
    pub(crate) fn convolve_data(&self, filters: &Tensor, shape: &ConvolutionShape) -> Tensor {
        run(Direction::Data, self, filters, shape, shape.images_shape())
    }

    /// The gradient of [`Tensor::convolve`] to the filters, of the images and the results' gradient.
    pub(crate) fn convolve_weights(&self, gradient: &Tensor, shape: &ConvolutionShape) -> Tensor {
        run(Direction::Weights, self, gradient, shape, shape.filters_shape())
    }
}

fn run(direction: Direction, a: &Tensor, b: &Tensor, shape: &ConvolutionShape, result: Shape) -> Tensor {
    // Operands are read many times: they are computed now, by kernels of their own.
    let settled = |x: &Tensor| {
        let x = if x.device().is_cpu() { x.contiguous() } else { x.clone() };
        x.force();
        x
    };
    let (a, b) = (settled(a), settled(b));
    let operands: &[&Tensor] = if direction == Direction::Weights { &[&a, &b] } else { &[&a] };
    let results: &[&Shape] = if direction == Direction::Weights { &[] } else { &[&result] };
    let work = shape.products() / matmul::PRODUCTS;
    let fit = if direction == Direction::Forward { 0 } else { columns::images(shape, &a) };
    let windows = || fit == 0 && slabs(a.device(), operands, results, work).is_none();
    let tiles = Ways::of(direction, shape, &a, windows);
    // By transforms no launch does much.
    let (work, fit) = if tiles.is_some() { (0, 0) } else { (work, fit) };
    let mut parts = slabs(a.device(), operands, results, work);
    if parts.is_none() && fit > 0 && fit < shape.images {
        let each = shape.images.div_ceil(shape.images.div_ceil(fit));
        parts = Some((0..shape.images).step_by(each).map(|at| at..(at + each).min(shape.images)).collect());
    }
    if let Some(parts) = parts {
        // Images by themselves: their results side by side, or the sums of what they give the filters.
        let results = parts.into_iter().map(|part| {
            let shape = ConvolutionShape { images: part.len(), ..shape.clone() };
            let a = slab(&a, &part);
            match direction {
                Direction::Forward => a.convolve(&b, &shape),
                Direction::Data => a.convolve_data(&b, &shape),
                Direction::Weights => a.convolve_weights(&slab(&b, &part), &shape),
            }
        });
        return if direction == Direction::Weights {
            // Nobody else holds a sum or a part: its product adds to the sum where it is.
            let add = |sum: Option<Tensor>, part: Tensor| {
                let sum = sum.map(|sum| sum.add(&part)).unwrap_or(part);
                sum.force();
                Some(sum)
            };
            results.fold(None, add).expect("there are parts")
        } else {
            together(&results.inspect(Tensor::force).collect::<Vec<_>>())
        };
    }
    let (a, b) = (shown(a), shown(b));
    if let Some(tiles) = tiles {
        let root = Root::Kernel(Arc::new(tiles));
        return elementwise::pending(a.device(), root, &[&a, &b], result, DType::F32);
    }
    if fit > 0 && shape.images > 0 && shape.area() > 0 {
        return match direction {
            Direction::Data => columns::data(&a, &b, shape),
            _ => columns::weights(&a, &b, shape),
        };
    }
    let dtype = a.dtype();
    let launcher = Convolve { direction, shape: shape.clone() };
    elementwise::pending(a.device(), Root::Kernel(Arc::new(launcher)), &[&a, &b], result, dtype)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Data,
    Weights,
}

#[derive(Debug)]
struct Convolve {
    direction: Direction,
    shape: ConvolutionShape,
}

impl Launcher for Convolve {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        let s = &self.shape;
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                match args[0].dtype() {
                    DType::F32 => cpu::run::<f32>(self.direction, s, &args, plan),
                    DType::F64 => cpu::run::<f64>(self.direction, s, &args, plan),
                    _ => cpu::run_halves(self.direction, s, &args, plan),
                }
            }
            Device::Gpu(gpu) => match self.direction {
                Direction::Forward => forward::run_gpu(gpu, s, &args[0], &args[1], plan),
                Direction::Data => data::run_gpu(gpu, s, &args[0], &args[1], plan),
                Direction::Weights => weights::run_gpu(gpu, s, &args[0], &args[1], None, plan),
            },
        }
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu() || self.direction == Direction::Forward
    }
}
