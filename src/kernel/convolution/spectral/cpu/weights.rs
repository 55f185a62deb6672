//! The gradient to the filters on the CPU. All threads share a block of tiles, and go through it by the frequencies along the
//! first axis; sums of all blocks are of the few columns that filters have, and do not depend on how many threads there are.

use super::{
    super::{
        super::{
            cpu::Operand,
            runs::{self, Run, runs},
        },
        HALF, Job, SIDE,
    },
    APART,
    products::{Both, Complex},
    spectra::{Across, Back, MOST, To, across},
    strips::{PARTS, Planes, Up, WORK},
};
use crate::{
    device::{Device, Tag},
    error::Result,
    kernel::{
        parallel::{self, Disjoint},
        tiles::{self, Number, Rows},
    },
};
use std::ops::Range;

/// Filters that a thread takes at a time: their gradients stay in the first-level cache while all panels are multiplied, and
/// so does what they are taken back to.
const FILTERS: usize = 32;

/// How much there is at once: filters, tiles, columns of a panel.
#[derive(Debug)]
struct Layout {
    filters: usize,
    /// Channels and filters as whole vectors.
    pitches: [usize; 2],
    panel: usize,
    tiles: usize,
    /// Elements of strips and of spectra, of the images and of the gradients; of sums, and of strips of sums.
    sizes: [usize; 6],
}

impl Layout {
    /// Half of the workspace is for sums, of as many filters as fit, the rest for tiles.
    fn new<E: Number>(job: &Job, workspace: usize) -> Layout {
        let whole = tiles::together().max(tiles::pitch::<E>(1));
        let half = workspace / 2 / size_of::<E>();
        let channels = tiles::pitch::<E>(job.channels);
        let sums = channels * (MOST + PARTS * job.kernel[1]);
        let parts = job.filters.div_ceil((half / sums / whole * whole).max(whole));
        let filters = job.filters.div_ceil(parts).next_multiple_of(whole);
        let (all, numbers) = (job.all_tiles(), (channels + filters) * (PARTS * SIDE + MOST));
        let tiles = all.div_ceil(all.div_ceil((half / numbers).clamp(1, tiles::DEPTH)));
        let panel = tiles::pitch::<E>(job.channels.div_ceil(job.channels.div_ceil(tiles::width::<E>())));
        let blocks = || (0..all).step_by(tiles).map(|first| runs(job.tiles(), first..(first + tiles).min(all)));
        let widest = |planes: Planes| {
            planes.chunks::<E>() * PARTS * blocks().map(|runs| planes.row::<E>(&runs)).max().unwrap_or(0)
        };
        let sizes = [
            widest(Planes::pixels(job, 0, 0..job.channels)),
            widest(Planes::results(job, 0, 0..filters.min(job.filters))),
            MOST * (tiles * channels + APART),
            MOST * (tiles * filters + APART),
            MOST * (filters * channels + APART),
            filters * channels * PARTS * job.kernel[1],
        ];
        Layout { filters, pitches: [channels, filters], panel, tiles, sizes }
    }
}

pub(in super::super::super) fn run_cpu<E: Number>(
    job: &Job,
    device: &Device,
    x: &Operand<'_, E>,
    gy: &Operand<'_, E>,
    gw: &mut [E],
    workspace: usize,
) -> Result<()> {
    let layout = Layout::new::<E>(job, workspace);
    let size = layout.sizes.iter().sum::<usize>() + tiles::SLACK;
    let buffer = Tag::Workspace.during(|| device.allocate((size * size_of::<E>()) as u64))?;
    // SAFETY: the buffer is this function's, and nobody else knows of it.
    let mut memory = unsafe { buffer.host_mut::<E>(0, size) };
    let [pixels, results, images, gradients, sums, out] = layout.sizes.map(|n| {
        let (part, rest) = std::mem::take(&mut memory).split_at_mut(n);
        memory = rest;
        part
    });
    let gw = Disjoint::new(gw);
    for (group, first) in (0..job.groups).flat_map(|g| (0..job.filters).step_by(layout.filters).map(move |f| (g, f))) {
        let filters = first..(first + layout.filters).min(job.filters);
        let part = Part { job, layout: &layout, filters: filters.len() };
        let planes = [Planes::pixels(job, group, 0..job.channels), Planes::results(job, group, filters)];
        let all = job.all_tiles();
        for block in (0..all).step_by(layout.tiles) {
            let runs = runs(job.tiles(), block..(block + layout.tiles).min(all));
            planes[0].lay(x.values, &runs, pixels);
            planes[1].lay(gy.values, &runs, results);
            for frequency in 0..HALF {
                part.across(&planes, &runs, [pixels, results], frequency, [images, gradients]);
                part.multiply(runs::tiles(&runs), frequency, [images, gradients], sums);
                part.back(sums, frequency, block > 0, out);
            }
        }
        part.taps(out, group * job.filters + first, &gw);
    }
    Ok(())
}

/// Some filters, whose sums fit the workspace.
struct Part<'a> {
    job: &'a Job,
    layout: &'a Layout,
    filters: usize,
}

impl Part<'_> {
    /// The channels of the panel that begins with one, and their distance.
    fn columns<E: Number>(&self, first: usize) -> [usize; 2] {
        let n = self.layout.panel.min(self.job.channels - first);
        [n, tiles::pitch::<E>(n)]
    }

    /// Spectra for one frequency: of images as panels of channels, of gradients as rows of filters, a step for each tile.
    fn across<E: Number>(
        &self,
        planes: &[Planes; 2],
        runs: &[Run],
        strips: [&[E]; 2],
        frequency: usize,
        [images, gradients]: [&mut [E]; 2],
    ) {
        let (lanes, together, tiles) = (tiles::pitch::<E>(1), tiles::together(), runs::tiles(runs));
        let [channels, filters] = self.layout.pitches;
        let (images, gradients) = (Disjoint::new(images), Disjoint::new(gradients));
        let chunks = [0, 1].map(|i| planes[i].chunks::<E>());
        let rows = [0, 1].map(|i| planes[i].row::<E>(runs));
        let work = runs::longest(runs) * lanes * WORK;
        parallel::ranges((chunks[0] + chunks[1]) * runs.len(), work, 1, |range| {
            for task in range {
                let (chunk, index) = (task / runs.len(), task % runs.len());
                let which = usize::from(chunk >= chunks[0]);
                let (chunk, run) = (chunk - which * chunks[0], &runs[index]);
                let (channel, planes, row) = (chunk * lanes, &planes[which], rows[which]);
                let strip = &strips[which][chunk * PARTS * row + planes.column(index, run) * lanes..];
                // SAFETY: a vector of channels of a run's tiles is written by its task.
                let (out, to) = unsafe {
                    if which == 0 {
                        let first = channel / self.layout.panel * self.layout.panel;
                        let [_, tile] = self.columns::<E>(first);
                        let at = first * tiles + run.at * tile + channel - first;
                        let to = To { position: tiles * channels + APART, tile, piece: lanes, pieces: 0 };
                        (images.pointer(at), to)
                    } else {
                        let at = (channel / together * tiles + run.at) * together + channel % together;
                        let position = tiles * filters + APART;
                        let to = To { position, tile: together, piece: lanes.min(together), pieces: together * tiles };
                        (gradients.pointer(at), to)
                    }
                };
                let (step, reach, frequencies) = (planes.step[1], planes.reach[1], frequency..frequency + 1);
                // SAFETY: as above.
                unsafe {
                    Across { strip, row, step, reach, tiles: run.n, frequencies, conjugate: which == 1, to, out }.run();
                }
            }
        });
    }

    /// For each position of a frequency filters by channels.
    fn multiply<E: Number>(&self, tiles: usize, frequency: usize, [images, gradients]: [&[E]; 2], sums: &mut [E]) {
        let [channels, filters] = self.layout.pitches;
        let (count, chunks) = (across(frequency), self.filters.div_ceil(FILTERS));
        let sums = Disjoint::new(sums);
        parallel::ranges(count * chunks, 6 * FILTERS * channels * tiles, 1, |range| {
            E::workspace(|own| {
                let rows_both = own.rows.take(FILTERS.next_multiple_of(tiles::together()) * tiles);
                let panel_both = own.panel.take(self.layout.panel * tiles);
                let third = own.results.take(FILTERS * self.layout.panel);
                for task in range {
                    let (position, row) = (2 * (task / chunks), task % chunks * FILTERS);
                    let m = FILTERS.min(self.filters - row);
                    let a = [0, 1].map(|i| &gradients[(position + i) * (tiles * filters + APART) + row * tiles..]);
                    let length = m.next_multiple_of(tiles::together()) * tiles;
                    Both { parts: a, rows: 1, length, apart: 0, out: &mut *rows_both }.run();
                    for from in (0..self.job.channels).step_by(self.layout.panel) {
                        let [n, width] = self.columns::<E>(from);
                        let b = [0, 1].map(|i| &images[(position + i) * (tiles * channels + APART) + from * tiles..]);
                        Both { parts: b, rows: 1, length: width * tiles, apart: 0, out: &mut *panel_both }.run();
                        let at = |i: usize| (position + i) * (filters * channels + APART) + row * channels + from;
                        // SAFETY: each task has its own rows of its own position; rows and panels were laid out as products
                        // want them.
                        unsafe {
                            let product = Complex {
                                rows: Rows::Steps,
                                m,
                                n,
                                k: tiles,
                                a: [a[0].as_ptr(), a[1].as_ptr(), rows_both.as_ptr()],
                                b: [b[0].as_ptr(), b[1].as_ptr(), panel_both.as_ptr()],
                                c: [sums.pointer(at(0)), sums.pointer(at(1)), third.as_mut_ptr()],
                                row: [channels, channels, self.layout.panel],
                                begun: false,
                            };
                            product.run();
                            product.join();
                        }
                    }
                }
            });
        });
    }

    /// A frequency's sums back to columns of filters, added to those of the blocks before.
    fn back<E: Number>(&self, sums: &[E], frequency: usize, begun: bool, out: &mut [E]) {
        let lanes = tiles::pitch::<E>(1);
        let ([channels, filters], reach) = (self.layout.pitches, self.job.kernel[1]);
        let (chunks, groups) = (channels / lanes, self.filters.div_ceil(FILTERS));
        let row = reach * lanes;
        let out = Disjoint::new(out);
        parallel::ranges(chunks * groups, FILTERS * lanes * WORK, 1, |range| {
            for task in range {
                let (chunk, first) = (task / groups, task % groups * FILTERS);
                let sums = &sums[first * channels + chunk * lanes..];
                let (position, tile) = (filters * channels + APART, channels);
                let tiles = FILTERS.min(self.filters - first);
                let (begun, step) = ([if begun { reach } else { 0 }; 2], PARTS * row);
                // SAFETY: a vector of channels of some filters is written by its task.
                unsafe {
                    let out = out.pointer((chunk * filters + first) * step);
                    Back { sums, position, tile, tiles, frequency, reach, begun, row, step, out }.run();
                }
            }
        });
    }

    /// Columns of the filters from `first` on back to where they belong.
    fn taps<E: Number>(&self, strips: &[E], first: usize, gw: &Disjoint<'_, E>) {
        let lanes = tiles::pitch::<E>(1);
        let ([reach, length], [channels, filters]) = (self.job.kernel, self.layout.pitches);
        let (chunks, taps) = (channels / lanes, reach * length);
        parallel::ranges(self.filters * chunks, lanes * taps * 4, 1, |range| {
            E::workspace(|own| {
                let rows = own.image.take(taps * lanes);
                for task in range {
                    let (filter, chunk) = (task / chunks, task % chunks);
                    let strips = &strips[(chunk * filters + filter) * PARTS * length * lanes..];
                    Up { strips, row: length * lanes, reach, length, out: &mut *rows }.run();
                    let some: Range<usize> = chunk * lanes..((chunk + 1) * lanes).min(self.job.channels);
                    for (lane, channel) in some.enumerate() {
                        let at = ((first + filter) * self.job.channels + channel) * taps;
                        // SAFETY: each filter's channels are written by one task.
                        let out = unsafe { gw.range(at..at + taps) };
                        out.iter_mut().zip(rows[lane..].iter().step_by(lanes)).for_each(|(to, &value)| *to = value);
                    }
                }
            });
        });
    }
}
