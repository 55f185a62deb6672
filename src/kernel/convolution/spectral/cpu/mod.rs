//! The forward pass and the gradient to the images on the CPU. Strips of a block of tiles are laid out and taken back by all
//! threads together. Between that each takes some of the tiles, and goes through them by the frequencies along the first
//! axis: their spectra and sums of one of those stay in its second-level cache.

mod products;
mod spectra;
mod strips;
#[cfg(test)]
mod tests;
mod transforms;
mod weights;

pub(in super::super) use weights::run_cpu as run_weights_cpu;

use super::{
    super::{
        Direction,
        cpu::{Operand, Sink},
        runs::{self, Run, runs},
        transformed::Job,
    },
    SIDE,
};
use crate::{
    device::{Device, Tag},
    error::Result,
    kernel::{
        parallel::{self, Disjoint},
        tiles::{self, Memory, Number, Rows, Workspace},
    },
};
use products::{Both, Complex};
use spectra::{ALL, Across, Back, MOST, To, across, before};
use std::ops::Range;
use strips::{Down, PARTS, Planes, WORK, turn};

/// Bytes that the spectra and the sums of a thread's tiles take, about, and the fewest tiles that are worth their filters' way
/// through the caches.
const TASK: usize = 1 << 20;
const TILES: usize = 24;

/// Inner channels whose filters are transformed together: so many steps of few positions are written at a time.
const STEPS: usize = 16;

/// Elements between positions beside their own: whole pages apart they would share few lines of the caches.
const APART: usize = tiles::SLACK;

/// One of the two directions: of `inner` channels to `outer`, both in each group.
#[derive(Debug, Clone)]
struct Pass<'a> {
    job: &'a Job,
    data: bool,
    inner: usize,
    outer: usize,
    /// Between filters' elements: groups, outer channels, inner channels.
    strides: [usize; 3],
}

impl Pass<'_> {
    fn new(job: &Job, data: bool) -> Pass<'_> {
        let taps = job.kernel[0] * job.kernel[1];
        let group = job.filters * job.channels * taps;
        let (filter, channel) = (job.channels * taps, taps);
        match data {
            false => Pass { job, data, inner: job.channels, outer: job.filters, strides: [group, filter, channel] },
            true => Pass { job, data, inner: job.filters, outer: job.channels, strides: [group, channel, filter] },
        }
    }

    /// Where tiles are read.
    fn source(&self, group: usize) -> Planes {
        match self.data {
            false => Planes::pixels(self.job, group, 0..self.inner),
            true => Planes::results(self.job, group, 0..self.inner),
        }
    }

    /// Where they are put together.
    fn target(&self, group: usize, outer: Range<usize>) -> Planes {
        match self.data {
            false => Planes::results(self.job, group, outer),
            true => Planes::pixels(self.job, group, outer),
        }
    }

    /// Inner channels that are multiplied at once: whole vectors of them.
    fn slice<E: Number>(&self) -> usize {
        tiles::pitch::<E>(self.inner.div_ceil(self.inner.div_ceil(tiles::DEPTH)))
    }
}

pub(in super::super) fn run_cpu<E: Number>(
    (direction, job): (Direction, &Job),
    device: &Device,
    x: &Operand<'_, E>,
    w: &Operand<'_, E>,
    sink: Sink<'_, E>,
    workspace: usize,
) -> Result<()> {
    let pass = Pass::new(job, direction == Direction::Data);
    match sink {
        Sink::Memory(y) if pass.data => {
            let all = y.len();
            let y = Disjoint::new(y);
            // SAFETY: parts are disjoint.
            parallel::ranges(all, 1, 1, |range| unsafe { y.range(range) }.fill(E::ZERO));
            run(&pass, device, x.values, w.values, workspace, |at, values| {
                // SAFETY: an image's channels are added to by one task at a time.
                let y = unsafe { y.range(at..at + values.len()) };
                y.iter_mut().zip(values).for_each(|(y, &value)| *y += value);
            })
        }
        Sink::Memory(y) => {
            let y = Disjoint::new(y);
            run(&pass, device, x.values, w.values, workspace, |at, values| {
                // SAFETY: each row of a block's results is written by its task.
                unsafe { y.range(at..at + values.len()) }.copy_from_slice(values);
            })
        }
        Sink::Operators(epilogue) => {
            run(&pass, device, x.values, w.values, workspace, |at, values| epilogue.apply(at, values))
        }
    }
}

/// How much there is at once.
#[derive(Debug)]
struct Layout {
    /// Outer channels, and columns of a panel of them.
    outer: usize,
    panel: usize,
    slice: usize,
    blocks: Vec<Vec<Run>>,
    /// Elements of the filters, of strips of tiles that are read, and of strips of sums.
    sizes: [usize; 3],
}

impl Layout {
    /// Half of the workspace is for filters, as many outer channels of them as fit, half for a block of tiles. What is
    /// in a block does not depend on the threads, nor does the order in which tiles are added to an image.
    fn new<E: Number>(pass: &Pass<'_>, workspace: usize) -> Layout {
        let (job, element, lanes) = (pass.job, size_of::<E>(), tiles::pitch::<E>(1));
        let (room, slice) = (workspace / 2, pass.slice::<E>());
        let fit = room / (job.groups * ALL * pass.inner * element) / lanes * lanes;
        let parts = pass.outer.div_ceil(fit.max(lanes));
        let outer = tiles::pitch::<E>(pass.outer.div_ceil(parts)).min(pass.outer);
        let panel = tiles::pitch::<E>(outer.div_ceil(outer.div_ceil(tiles::width::<E>())));
        let pitch = tiles::pitch::<E>(outer);
        let strips = (tiles::pitch::<E>(pass.inner) + pitch) * PARTS * SIDE;
        let most = (workspace - room) / element / strips;
        let all = job.all_tiles();
        let each = all.div_ceil(all.div_ceil(most.max(1)));
        let blocks: Vec<Vec<Run>> =
            (0..all).step_by(each).map(|first| runs(job.tiles(), first..(first + each).min(all))).collect();
        let widest = |planes: &Planes| {
            planes.chunks::<E>() * PARTS * blocks.iter().map(|runs| planes.row::<E>(runs)).max().unwrap_or(0)
        };
        let sizes = [
            job.groups * ALL * (pitch * pass.inner + APART),
            widest(&pass.source(0)),
            widest(&pass.target(0, 0..outer)),
        ]
        .map(|n| n.next_multiple_of(tiles::SLACK));
        Layout { outer, panel, slice, blocks, sizes }
    }
}

/// Elements of some tiles' spectra for a position.
fn spectrum(tiles: usize) -> usize {
    tiles.next_multiple_of(tiles::together()) * tiles::DEPTH + APART
}

fn run<E: Number>(
    pass: &Pass<'_>,
    device: &Device,
    x: &[E],
    w: &[E],
    workspace: usize,
    store: impl Fn(usize, &[E]) + Sync,
) -> Result<()> {
    let layout = Layout::new::<E>(pass, workspace);
    let size = layout.sizes.iter().sum::<usize>() + tiles::SLACK;
    let buffer = Tag::Workspace.during(|| device.allocate((size * size_of::<E>()) as u64))?;
    // SAFETY: the buffer is this function's, and nobody else knows of it.
    let mut memory = unsafe { buffer.host_mut::<E>(0, size) };
    let [filters, strips, out] = layout.sizes.map(|n| {
        let (part, rest) = std::mem::take(&mut memory).split_at_mut(n);
        memory = rest;
        part
    });
    for first in (0..pass.outer).step_by(layout.outer) {
        let outer = first..(first + layout.outer).min(pass.outer);
        let part = Part { pass, layout: &layout, outer };
        part.filters(w, filters);
        for (runs, group) in layout.blocks.iter().flat_map(|runs| (0..pass.job.groups).map(move |g| (runs, g))) {
            let (source, target) = (pass.source(group), pass.target(group, part.outer.clone()));
            source.lay(x, runs, strips);
            part.multiply(group, [&source, &target], runs, [filters, strips], out);
            target.take(out, runs, &store);
        }
    }
    Ok(())
}

/// Some outer channels, whose filters fit the workspace.
struct Part<'a> {
    pass: &'a Pass<'a>,
    layout: &'a Layout,
    outer: Range<usize>,
}

impl Part<'_> {
    /// Elements from the filters of one position to those of the next.
    fn apart<E: Number>(&self) -> usize {
        tiles::pitch::<E>(self.outer.len()) * self.pass.inner + APART
    }

    /// Columns of the panel that begins with a channel, and their distance.
    fn columns<E: Number>(&self, first: usize) -> [usize; 2] {
        let n = self.layout.panel.min(self.outer.len() - first);
        [n, tiles::pitch::<E>(n)]
    }

    /// Spectra of the filters: for each group and position panels of outer channels, a step for each inner one.
    fn filters<E: Number>(&self, w: &[E], out: &mut [E]) {
        let (pass, lanes, apart) = (self.pass, tiles::pitch::<E>(1), self.apart::<E>());
        let [rows, columns] = pass.job.kernel;
        let [group_apart, outer_apart, inner_apart] = pass.strides;
        let chunks = self.outer.len().div_ceil(lanes);
        let steps = pass.inner.div_ceil(STEPS);
        let out = Disjoint::new(out);
        parallel::ranges(pass.job.groups * steps * chunks, STEPS * SIDE * lanes * WORK, 1, |range| {
            E::workspace(|own| {
                let taps = &mut own.image.take(rows * columns * lanes)[..rows * columns * lanes];
                let row = STEPS * columns * lanes;
                let strip = own.results.take(PARTS * row);
                for task in range {
                    let (channel, step) = (task % chunks * lanes, task / chunks % steps * STEPS);
                    let (group, steps) = (task / chunks / steps, STEPS.min(pass.inner - step));
                    let from = group * group_apart + (self.outer.start + channel) * outer_apart + step * inner_apart;
                    let some = lanes.min(self.outer.len() - channel);
                    for i in 0..steps {
                        let w = &w[from + i * inner_apart..];
                        turn(w, outer_apart, some, pass.job.kernel, [0; 2], columns, taps);
                        let out = strip[i * columns * lanes..].as_mut_ptr();
                        // SAFETY: the strip has columns for each step.
                        unsafe { Down { rows: taps, reach: rows, length: columns, out, row }.run() };
                    }
                    let first = channel / self.layout.panel * self.layout.panel;
                    let [_, width] = self.columns::<E>(first);
                    let at = group * ALL * apart + first * pass.inner + step * width + channel - first;
                    let to = To { position: apart, tile: width, piece: lanes, pieces: 0 };
                    let (frequencies, conjugate, reach) = (0..super::HALF, !pass.data, columns);
                    // SAFETY: some steps of a vector of channels are written by their task.
                    unsafe {
                        let out = out.pointer(at);
                        Across { strip, row, step: columns, reach, tiles: steps, frequencies, conjugate, to, out }
                            .run();
                    }
                }
            });
        });
    }

    /// The strips of a block's sums.
    fn multiply<E: Number>(
        &self,
        group: usize,
        planes: [&Planes; 2],
        runs: &[Run],
        [filters, strips]: [&[E]; 2],
        out: &mut [E],
    ) {
        let (inner, outer, panel) = (self.pass.inner, self.outer.len(), self.layout.panel);
        let (threads, all) = (rayon::current_num_threads(), runs::tiles(runs));
        // As much work for each thread; where runs are few, parts of the outer channels.
        let most = (TASK / size_of::<E>() / (MOST * (inner + outer))).max(TILES);
        let pieces = all.div_ceil(most).next_multiple_of(threads).min(runs.len());
        let panels = outer.div_ceil(panel);
        let chunk = panels.div_ceil(threads.div_ceil(pieces).min(panels)) * panel;
        let chunks = outer.div_ceil(chunk);
        let out = Disjoint::new(out);
        let work = 3 * super::HALF * SIDE * all / pieces * inner * chunk;
        parallel::ranges(pieces * chunks, work, 1, |range| {
            E::workspace(|own| {
                for task in range {
                    let (piece, first) = (task / chunks, task % chunks * chunk);
                    let some = piece * runs.len() / pieces..(piece + 1) * runs.len() / pieces;
                    let (at, outer) = (runs[some.start].at, first..(first + chunk).min(outer));
                    let tiles = runs::tiles(&runs[some.clone()]) - at;
                    let task = Task { part: self, planes, group, all: runs, runs: some, at, tiles, outer };
                    let Workspace { rows, panel, image, results } = own;
                    let spectra = panel.take(inner.div_ceil(self.layout.slice) * MOST * spectrum(tiles));
                    let sums = results.take(tiles * task.sums::<E>());
                    for frequency in 0..super::HALF {
                        task.across(strips, frequency, spectra);
                        task.multiply(filters, frequency, spectra, [rows, image], sums);
                        task.back(sums, frequency, &out);
                    }
                }
            });
        });
    }
}

/// Some runs of a block and some outer channels of a part.
struct Task<'a> {
    part: &'a Part<'a>,
    planes: [&'a Planes; 2],
    group: usize,
    all: &'a [Run],
    runs: Range<usize>,
    /// The first tile of the block, and how many there are.
    at: usize,
    tiles: usize,
    outer: Range<usize>,
}

impl Task<'_> {
    /// Elements of a tile's sums.
    fn sums<E: Number>(&self) -> usize {
        MOST * tiles::pitch::<E>(self.outer.len()) + APART
    }

    /// Spectra for one frequency: for each slice of inner channels and each position a row for each tile.
    fn across<E: Number>(&self, strips: &[E], frequency: usize, out: &mut [E]) {
        let (lanes, planes, slice) = (tiles::pitch::<E>(1), self.planes[0], self.part.layout.slice);
        let (row, position) = (planes.row::<E>(self.all), spectrum(self.tiles));
        for index in self.runs.clone() {
            let run = &self.all[index];
            for chunk in 0..planes.chunks::<E>() {
                let strip = &strips[chunk * PARTS * row + planes.column(index, run) * lanes..];
                let channel = chunk * lanes;
                let at = channel / slice * MOST * position + (run.at - self.at) * tiles::DEPTH + channel % slice;
                let to = To { position, tile: tiles::DEPTH, piece: lanes, pieces: 0 };
                let (step, reach, frequencies) = (planes.step[1], planes.reach[1], frequency..frequency + 1);
                let (tiles, out) = (run.n, out[at..].as_mut_ptr());
                // SAFETY: there is a row for each tile, as long as a slice.
                unsafe { Across { strip, row, step, reach, tiles, frequencies, conjugate: false, to, out }.run() };
            }
        }
    }

    /// Sums of one frequency: tiles by its positions by outer channels.
    fn multiply<E: Number>(
        &self,
        filters: &[E],
        frequency: usize,
        spectra: &[E],
        [rows, image]: [&mut Memory<E>; 2],
        sums: &mut [E],
    ) {
        let (part, tiles, position) = (self.part, self.tiles, spectrum(self.tiles));
        let (inner, slice, panel) = (part.pass.inner, part.layout.slice, part.layout.panel);
        let (pitch, apart, row) = (tiles::pitch::<E>(self.outer.len()), part.apart::<E>(), self.sums::<E>());
        let tiles_both = rows.take(inner.div_ceil(slice) * position);
        let (panel_both, third) =
            image.take(inner * panel + tiles::SLACK + tiles * panel).split_at_mut(inner * panel + tiles::SLACK);
        for f in (0..2 * across(frequency)).step_by(2) {
            for from in 0..inner.div_ceil(slice) {
                let parts = [0, 1].map(|i| &spectra[(from * MOST + f + i) * position..]);
                let out = &mut tiles_both[from * position..];
                Both { parts, rows: tiles, length: slice.min(inner - from * slice), apart: tiles::DEPTH, out }.run();
            }
            for first in self.outer.clone().step_by(panel) {
                let [n, width] = part.columns::<E>(first);
                let at = (self.group * ALL + before(frequency) + f) * apart + first * inner;
                let parts = [&filters[at..], &filters[at + apart..]];
                Both { parts, rows: 1, length: inner * width, apart: 0, out: &mut *panel_both }.run();
                let to = f * pitch + first - self.outer.start;
                let sums = sums[to..].as_mut_ptr();
                let mut product = Complex {
                    rows: Rows::Apart,
                    m: tiles,
                    n,
                    k: 0,
                    a: [std::ptr::null(); 3],
                    b: [std::ptr::null(); 3],
                    c: [sums, sums.wrapping_add(pitch), third.as_mut_ptr()],
                    row: [row, row, panel],
                    begun: false,
                };
                for from in (0..inner).step_by(slice) {
                    let a = (from / slice * MOST + f) * position;
                    let [b, both] = [from * width, from / slice * position];
                    product.k = slice.min(inner - from);
                    product.a = [&spectra[a..], &spectra[a + position..], &tiles_both[both..]].map(<[E]>::as_ptr);
                    product.b = [&parts[0][b..], &parts[1][b..], &panel_both[b..]].map(<[E]>::as_ptr);
                    product.begun = from > 0;
                    // SAFETY: rows and panels were laid out as it wants them.
                    unsafe { product.run() };
                }
                // SAFETY: panels begin and end with whole vectors.
                unsafe { product.join() };
            }
        }
    }

    /// A frequency's sums back to strips.
    fn back<E: Number>(&self, sums: &[E], frequency: usize, out: &Disjoint<'_, E>) {
        let (lanes, planes) = (tiles::pitch::<E>(1), self.planes[1]);
        let (row, position, tile) = (planes.row::<E>(self.all), tiles::pitch::<E>(self.outer.len()), self.sums::<E>());
        let [reach, step] = [planes.reach[1], planes.step[1]];
        for index in self.runs.clone() {
            let run = &self.all[index];
            for channel in (0..self.outer.len()).step_by(lanes) {
                let sums = &sums[(run.at - self.at) * tile + channel..];
                let at = (self.outer.start + channel) / lanes * PARTS * row + planes.column(index, run) * lanes;
                let (tiles, begun, step) = (run.n, [0, reach - step], step * lanes);
                // SAFETY: a vector of channels of a run's strip is written by one task.
                unsafe {
                    let out = out.pointer(at);
                    Back { sums, position, tile, tiles, frequency, reach, begun, row, step, out }.run();
                }
            }
        }
    }
}
