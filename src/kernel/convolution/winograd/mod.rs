//! Windows of 3 by 3 by Winograd's minimal filtering, `F(M x M, 3 x 3)`: tiles of `M` by `M` results from `M + 2` by
//! `M + 2` pixels by `(M + 2)^2` products a channel instead of `9 M^2`: 2.25 times fewer for `M = 2`, 4 times for `M = 4`.
//!
//! `y = A' [(G w G') * (B' x B)] A`, where `*` multiplies element by element and is summed over channels: one matrix
//! product for each of the `(M + 2)^2` positions (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
//! 2015). The gradient to the images is the same with the filters turned, of the results' gradient, or where that takes many more
//! tiles the formula turned around, `B [(G w G') * (A gy A')] B'`, whose tiles overlap and are added; that to the filters sums over
//! tiles where the others sum over channels ([`weights`]).
//!
//! Errors relative to the largest result, measured by tests over 512 channels, are under 2e-6 for `M = 2` and under 2e-5 for
//! `M = 4`. Only `float32` takes this way, and nothing does with `CATENA_WINOGRAD=off`. This module is the CPU's; a GPU takes
//! `M = 4` and the formula turned around, as [`transformed`] has it.

mod cpu;
#[cfg(test)]
mod tests;
mod transforms;
mod weights;

pub(super) use cpu::run_cpu;
pub(super) use weights::run_cpu as run_weights_cpu;

use super::{Direction, transformed};
use crate::{kernel::tiles, shape::ConvolutionShape};
use std::sync::OnceLock;

/// A convolution as this module has it: of `inner` channels to `outer`, both in each group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub images: usize,
    pub groups: usize,
    pub inner: usize,
    pub outer: usize,
    /// Height and width of what is read, and of the results.
    pub size: [usize; 2],
    pub results: [usize; 2],
    /// Zeros before the first pixel of each axis, less than none where the first pixels are not read.
    pub pad: [isize; 2],
    /// Between filters' elements: groups, outer channels, inner channels.
    pub strides: [usize; 3],
    /// Whether filters are read from their last element.
    pub turned: bool,
    /// Whether tiles of what is read lie side by side, and what they give overlaps.
    pub spread: bool,
}

impl Job {
    /// What there is for a direction, where windows are 3 by 3 side by side.
    fn of(direction: Direction, s: &ConvolutionShape) -> Option<Job> {
        let plain =
            s.kernel == [1, 3, 3] && s.stride == [1; 3] && s.dilate == [1; 3] && s.image[0] == 1 && s.pad[0] == 0;
        if !plain {
            return None;
        }
        let (images, groups) = (s.images, s.groups);
        let group = s.filters * s.channels * 9;
        let [_, h, w] = s.image;
        let [_, rows, columns] = s.windows;
        let [_, above, left] = s.pad.map(|p| p as isize);
        Some(match direction {
            Direction::Forward | Direction::Weights => Job {
                images,
                groups,
                inner: s.channels,
                outer: s.filters,
                size: [h, w],
                results: [rows, columns],
                pad: [above, left],
                strides: [group, s.channels * 9, 9],
                turned: false,
                spread: false,
            },
            Direction::Data => Job {
                images,
                groups,
                inner: s.filters,
                outer: s.channels,
                size: [rows, columns],
                results: [h, w],
                pad: [2 - above, 2 - left],
                strides: [group, 9, s.channels * 9],
                turned: true,
                spread: false,
            },
        })
    }

    /// The gradient to the images by tiles that overlap there.
    fn to_spread(&self) -> Job {
        Job { pad: self.pad.map(|pad| 2 - pad), turned: false, spread: true, ..self.clone() }
    }

    /// Tiles of `side` by `side` along each axis, of results, or of their gradients.
    pub fn tiles(&self, side: usize) -> [usize; 2] {
        if self.spread { self.size } else { self.results }.map(|n| n.div_ceil(side))
    }

    /// Tiles of all images.
    pub fn all_tiles(&self, side: usize) -> usize {
        self.images * self.tiles(side).iter().product::<usize>()
    }

    /// Products without tiles.
    fn plain(&self) -> usize {
        9 * self.images * self.groups * self.results.iter().product::<usize>() * self.inner * self.outer
    }

    /// What tiles of `side` cost, in products: beside those, what goes through their sums. A pixel or a result of a
    /// position takes the time of some 40 products, an element of the filters, which are also longer to read, that of 100.
    fn cost(&self, side: usize) -> usize {
        let (positions, tiles) = ((side + 2) * (side + 2), self.all_tiles(side));
        let (inner, outer) = (self.inner, self.outer);
        positions * self.groups * (tiles * (inner * outer + 40 * (inner + outer)) + 100 * inner * outer)
    }
}

fn is_off() -> bool {
    static OFF: OnceLock<bool> = OnceLock::new();
    *OFF.get_or_init(|| std::env::var("CATENA_WINOGRAD").is_ok_and(|v| v == "off"))
}

/// The convolution, where a GPU can compute it so.
pub(super) fn possible(s: &ConvolutionShape) -> Option<transformed::Job> {
    if is_off() { None } else { transformed::Job::of(transformed::Basis::Winograd, s) }
}

/// The side of the tiles with which a convolution takes the least time, by a rule; `None` where windows as they are do.
pub(super) fn side(direction: Direction, s: &ConvolutionShape) -> Option<(Job, usize)> {
    if is_off() {
        return None;
    }
    let job = Job::of(direction, s)?;
    let side = [2, 4].into_iter().min_by_key(|&side| job.cost(side))?;
    // A thread adds the tiles of whole images, which have to be few. Adding takes longer than storing.
    let spread = (direction == Direction::Data).then(|| job.to_spread()).filter(|spread| {
        let few = spread.tiles(4).iter().product::<usize>() <= tiles::width::<f32>();
        few && spread.cost(4) * 10 < job.cost(side) * 9
    });
    let (job, side) = spread.map_or((job, side), |spread| (spread, 4));
    (job.cost(side) * 10 < job.plain() * 9).then_some((job, side))
}
