//! Strips: tiles of a row side by side, transformed along their first axis. Neighbours that overlap share a strip's columns.
//!
//! Vectors are of channels side by side. A strip has for each of [`HALF`] frequencies its columns' real parts, then their
//! imaginary parts.

use super::{
    super::{HALF, Job, SIDE},
    transforms::{numbers, real},
};
use crate::kernel::{
    convolution::runs::Run,
    parallel::{self, Disjoint},
    tiles::{self, Number, lanes, read},
};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Rows of a strip.
pub(super) const PARTS: usize = 2 * HALF;

/// Columns that are turned at once: they stay in the first-level cache.
const TURNED: usize = 32;

/// Columns that are taken back at once: operators that follow take less time on long rows.
const TAKEN: usize = 128;

/// Products that take as long as the transform of a column.
pub(super) const WORK: usize = 500;

/// Some channels of images that tiles are cut from, or put together to.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    /// Channels of an image, and which of them.
    pub all: usize,
    pub channels: Range<usize>,
    pub size: [usize; 2],
    pub pad: [usize; 2],
    /// Rows and columns of a tile that count, and the distance of tiles.
    pub reach: [usize; 2],
    pub step: [usize; 2],
}

impl Planes {
    /// Pixels of some channels of a group.
    pub fn pixels(job: &Job, group: usize, channels: Range<usize>) -> Planes {
        let first = group * job.channels;
        let channels = first + channels.start..first + channels.end;
        let all = job.groups * job.channels;
        Planes { all, channels, size: job.image, pad: job.pad, reach: [SIDE; 2], step: job.step() }
    }

    /// Results of some filters of a group.
    pub fn results(job: &Job, group: usize, filters: Range<usize>) -> Planes {
        let first = group * job.filters;
        let channels = first + filters.start..first + filters.end;
        let (all, step) = (job.groups * job.filters, job.step());
        Planes { all, channels, size: job.results, pad: [0; 2], reach: step, step }
    }

    /// Columns of a strip of `n` tiles.
    fn length(&self, n: usize) -> usize {
        n * self.step[1] + self.reach[1] - self.step[1]
    }

    /// The first column of a block's run.
    pub fn column(&self, index: usize, run: &Run) -> usize {
        run.at * self.step[1] + index * (self.reach[1] - self.step[1])
    }

    /// Vectors of the channels.
    pub fn chunks<E: Number>(&self) -> usize {
        self.channels.len().div_ceil(tiles::pitch::<E>(1))
    }

    /// Elements from one row of a strip to the next, for all runs side by side: an odd number of vectors, since whole pages
    /// apart rows would share few lines of the caches.
    pub fn row<E: Number>(&self, runs: &[Run]) -> usize {
        let columns = runs.last().map_or(0, |run| self.column(runs.len() - 1, run) + self.length(run.n));
        (columns | 1) * tiles::pitch::<E>(1)
    }

    /// The row and the column of an image where a run's tiles begin.
    fn corner(&self, run: &Run) -> [isize; 2] {
        let at = [run.row * self.step[0], run.column * self.step[1]];
        [0, 1].map(|i| at[i] as isize - self.pad[i] as isize)
    }

    /// The strips of a block, those of each vector of channels after the other.
    pub fn lay<E: Number>(&self, x: &[E], runs: &[Run], out: &mut [E]) {
        let (lanes, chunks, row) = (tiles::pitch::<E>(1), self.chunks::<E>(), self.row::<E>(runs));
        assert!(out.len() >= chunks * PARTS * row);
        let out = Disjoint::new(out);
        let work = runs.iter().map(|run| self.length(run.n)).max().unwrap_or(0) * lanes * WORK;
        parallel::ranges(chunks * runs.len(), work, 1, |range| {
            E::workspace(|own| {
                for task in range {
                    let (chunk, index) = (task / runs.len(), task % runs.len());
                    let run = &runs[index];
                    let channels = self.chunk(chunk, lanes);
                    let pixels = self.size[0] * self.size[1];
                    let from = &x[(run.image * self.all + channels.start) * pixels..];
                    let [top, left] = self.corner(run);
                    let length = self.length(run.n);
                    for first in (0..length).step_by(TURNED) {
                        let length = TURNED.min(length - first);
                        let n = self.reach[0] * length * lanes;
                        let rows = &mut own.image.take(n)[..n];
                        turn(from, pixels, channels.len(), self.size, [top, left + first as isize], length, rows);
                        let at = chunk * PARTS * row + (self.column(index, run) + first) * lanes;
                        // SAFETY: the columns of a run's strip of some channels are written by its task.
                        unsafe { Down { rows, reach: self.reach[0], length, out: out.pointer(at), row }.run() };
                    }
                }
            });
        });
    }

    /// Channels of a vector.
    fn chunk(&self, chunk: usize, lanes: usize) -> Range<usize> {
        let first = self.channels.start + chunk * lanes;
        first..(first + lanes).min(self.channels.end)
    }

    /// What a block's strips, as [`lay`](Self::lay) has them, are transforms of: each row of `reach` within the planes, with
    /// its place. Runs of one image and channel come in their order, one after the other.
    pub fn take<E: Number>(&self, strips: &[E], runs: &[Run], store: impl Fn(usize, &[E]) + Sync) {
        let (lanes, chunks, row) = (tiles::pitch::<E>(1), self.chunks::<E>(), self.row::<E>(runs));
        assert!(strips.len() >= chunks * PARTS * row);
        let first = runs.first().map_or(0, |run| run.image);
        let images = runs.last().map_or(0, |run| run.image + 1) - first;
        let work = row / images.max(1) * WORK;
        parallel::ranges(chunks * images, work, 1, |range| {
            E::workspace(|own| {
                for task in range {
                    let (chunk, image) = (task / images, first + task % images);
                    let channels = self.chunk(chunk, lanes);
                    for (index, run) in runs.iter().enumerate().filter(|(_, run)| run.image == image) {
                        let length = self.length(run.n);
                        for first in (0..length).step_by(TAKEN) {
                            let length = TAKEN.min(length - first);
                            let rows = own.image.take(self.reach[0] * length * lanes);
                            let at = chunk * PARTS * row + (self.column(index, run) + first) * lanes;
                            let reach = self.reach[0];
                            Up { strips: &strips[at..], row, reach, length, out: &mut *rows }.run();
                            let [top, left] = self.corner(run);
                            let seen = [
                                seen(top, self.reach[0], self.size[0]),
                                seen(left + first as isize, length, self.size[1]),
                            ];
                            if seen[1].is_empty() {
                                continue;
                            }
                            let line = &mut own.results.take(length)[..seen[1].len()];
                            for (lane, channel) in channels.clone().enumerate() {
                                let plane = (image * self.all + channel) * self.size[0];
                                for r in seen[0].clone() {
                                    let from = &rows[(r * length + seen[1].start) * lanes + lane..];
                                    line.iter_mut()
                                        .zip(from.iter().step_by(lanes))
                                        .for_each(|(to, &value)| *to = value);
                                    let y = (top + r as isize) as usize;
                                    let x = (left + (first + seen[1].start) as isize) as usize;
                                    store((plane + y) * self.size[1] + x, line);
                                }
                            }
                        }
                    }
                }
            });
        });
    }
}

/// Which of `n` places from `at` on lie on an axis of `size`.
fn seen(at: isize, n: usize, size: usize) -> Range<usize> {
    let n = n as isize;
    let begin = (-at).clamp(0, n);
    begin as usize..(size as isize - at).clamp(begin, n) as usize
}

/// `rows[r][p][c] = x[c][top + r][left + p]` for some channels `apart` from each other, zero outside of their planes; `rows`
/// are of `length` vectors.
pub(super) fn turn<E: Number>(
    x: &[E],
    apart: usize,
    channels: usize,
    size: [usize; 2],
    [top, left]: [isize; 2],
    length: usize,
    rows: &mut [E],
) {
    let lanes = tiles::pitch::<E>(1);
    let columns = seen(left, length, size[1]);
    for (r, row) in rows.chunks_exact_mut(length * lanes).enumerate() {
        let y = top + r as isize;
        if y < 0 || y >= size[0] as isize || columns.is_empty() {
            row.fill(E::ZERO);
            continue;
        }
        row[..columns.start * lanes].fill(E::ZERO);
        row[columns.end * lanes..].fill(E::ZERO);
        let start = (y * size[1] as isize + left + columns.start as isize) as usize;
        for c in 0..channels {
            let from = &x[c * apart + start..][..columns.len()];
            let places = row[columns.start * lanes + c..].iter_mut().step_by(lanes);
            places.zip(from).for_each(|(place, &value)| *place = value);
        }
    }
}

/// Columns of a strip from what [`turn`] gives, of which only so many rows are there.
pub(super) struct Down<'a, E> {
    pub rows: &'a [E],
    pub reach: usize,
    pub length: usize,
    pub out: *mut E,
    /// From one row of the strip to the next.
    pub row: usize,
}

impl<E: Number> Down<'_, E> {
    /// # Safety
    /// There is room for the columns in each row of the strip, which nobody else uses.
    pub unsafe fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Down<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, length, reach) = (lanes::<E, S>(), self.length, self.reach);
        assert!(reach <= SIDE && self.rows.len() >= reach * length * lanes);
        for at in 0..length {
            let mut column = [E::splat(s, E::ZERO); SIDE];
            // SAFETY: within the rows, by the assertion; within the strip, by the promise that `run` was given.
            unsafe {
                for (r, place) in column.iter_mut().enumerate().take(reach) {
                    *place = read::<E, S>(self.rows.as_ptr().add((r * length + at) * lanes));
                }
                let spectrum = real::<E, S>(s, &column);
                for (part, vector) in spectrum.as_flattened().iter().enumerate() {
                    let to = self.out.add(part * self.row + at * lanes);
                    to.cast::<E::Vector<S>>().write_unaligned(*vector);
                }
            }
        }
    }
}

/// The first rows of what columns of a strip are transforms of.
pub(super) struct Up<'a, E> {
    pub strips: &'a [E],
    /// From one row of the strip to the next.
    pub row: usize,
    pub reach: usize,
    pub length: usize,
    pub out: &'a mut [E],
}

impl<E: Number> Up<'_, E> {
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Up<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, length, reach) = (lanes::<E, S>(), self.length, self.reach);
        assert!(reach <= SIDE && self.out.len() >= reach * length * lanes);
        assert!(self.strips.len() >= (PARTS - 1) * self.row + length * lanes);
        for at in 0..length {
            let mut spectrum = [[E::splat(s, E::ZERO); 2]; HALF];
            // SAFETY: within both, by the assertions.
            unsafe {
                for (part, vector) in spectrum.as_flattened_mut().iter_mut().enumerate() {
                    *vector = read::<E, S>(self.strips.as_ptr().add(part * self.row + at * lanes));
                }
                let column = numbers::<E, S>(s, &spectrum);
                for (r, vector) in column.iter().enumerate().take(reach) {
                    let to = self.out.as_mut_ptr().add((r * length + at) * lanes);
                    to.cast::<E::Vector<S>>().write_unaligned(*vector);
                }
            }
        }
    }
}
