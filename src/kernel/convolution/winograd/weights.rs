//! The gradient to the filters on the CPU: `gw = G' [sum over tiles of (A gy A') * (B' x B)] G`, the results' formula turned
//! around. For each position the sum over tiles is a matrix product, of outer channels by inner ones.
//!
//! Tiles go through their sums with channels side by side in vectors, which is how the products want them. All threads
//! share a block of tiles, and the sums over all blocks: results do not depend on how many there are.

use super::{
    super::{
        cpu::Operand,
        runs::{Run, runs},
    },
    Job,
    cpu::{APART, CHANNELS},
    transforms::{Four, Tile, Two, both},
};
use crate::{
    device::{Device, Tag},
    error::Result,
    kernel::{
        parallel::{self, Disjoint},
        tiles::{self, Number, Product, Rows, Workspace, lanes, read},
    },
};
use pulp::{Arch, Simd, WithSimd};
use std::{marker::PhantomData, ops::Range};

/// Tiles that a thread takes at a time.
const TOGETHER: usize = 64;

pub(in super::super) fn run_cpu<E: Number>(
    (job, side): (&Job, usize),
    device: &Device,
    x: &Operand<'_, E>,
    gy: &Operand<'_, E>,
    gw: &mut [E],
    workspace: usize,
) -> Result<()> {
    let operands = [x.values, gy.values];
    match side {
        2 => run::<E, Two, 2, 4>(job, device, operands, gw, workspace),
        _ => run::<E, Four, 4, 6>(job, device, operands, gw, workspace),
    }
}

/// How much there is at once: of a group's tiles and their channels, and elements from one position to the next of the
/// images' tiles, of the gradients' and of the sums.
#[derive(Debug, Clone, Copy)]
struct Layout {
    tiles: usize,
    inner: usize,
    outer: usize,
    apart: [usize; 3],
}

impl Layout {
    /// Half of the workspace is for sums, of as many outer channels as fit; the other half for tiles.
    fn new<E: Number>(job: &Job, side: usize, workspace: usize) -> Layout {
        let (together, inner) = (tiles::together(), tiles::pitch::<E>(job.inner));
        let half = workspace / 2 / (job.groups * (side + 2) * (side + 2) * size_of::<E>());
        let parts = job.outer.div_ceil((half / inner / together * together).max(together));
        let outer = job.outer.div_ceil(parts).next_multiple_of(together);
        let all = job.all_tiles(side);
        let blocks = all.div_ceil((half / (inner + outer)).clamp(1, tiles::DEPTH));
        let tiles = all.div_ceil(blocks);
        Layout { tiles, inner, outer, apart: [tiles * inner, tiles * outer, outer * inner].map(|n| n + APART) }
    }
}

fn run<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize>(
    job: &Job,
    device: &Device,
    [x, gy]: [&[E]; 2],
    gw: &mut [E],
    workspace: usize,
) -> Result<()> {
    let layout = Layout::new::<E>(job, M, workspace);
    let sizes = layout.apart.map(|apart| job.groups * N * N * apart);
    let buffer = Tag::Workspace.during(|| device.allocate((sizes.iter().sum::<usize>() * size_of::<E>()) as u64))?;
    // SAFETY: the buffer is this function's, and nobody else knows of it.
    let memory = unsafe { buffer.host_mut::<E>(0, sizes.iter().sum()) };
    let (images, memory) = memory.split_at_mut(sizes[0]);
    let (gradients, sums) = memory.split_at_mut(sizes[1]);
    let gw = Disjoint::new(gw);
    for first in (0..job.outer).step_by(layout.outer) {
        let outer = first..(first + layout.outer).min(job.outer);
        for block in (0..job.all_tiles(M)).step_by(layout.tiles) {
            let tiles = block..(block + layout.tiles).min(job.all_tiles(M));
            lay::<E, T, M, N>(job, &layout, [x, gy], outer.clone(), tiles.clone(), [images, gradients]);
            multiply::<E>(job, &layout, N * N, [images, gradients], (outer.len(), tiles.len()), sums, block > 0);
        }
        let (rows, sums) = (outer.len(), &*sums);
        parallel::ranges(job.groups * rows, N * N * job.inner * 8, 1, |range| {
            for task in range {
                let (group, row) = (task / rows, task % rows);
                let to = (group * job.outer + first + row) * job.inner * 9;
                // SAFETY: each row is written by one task.
                let out = unsafe { gw.range(to..to + job.inner * 9) };
                let sums = &sums[group * N * N * layout.apart[2] + row * layout.inner..];
                Arch::new().dispatch(Filter::<E, T, M, N> { sums, apart: layout.apart[2], out, matrices: PhantomData });
            }
        });
    }
    Ok(())
}

/// Tiles of a block as the operands of the products.
fn lay<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize>(
    job: &Job,
    layout: &Layout,
    [x, gy]: [&[E]; 2],
    outer: Range<usize>,
    block: Range<usize>,
    [images, gradients]: [&mut [E]; 2],
) {
    let (images, gradients) = (Disjoint::new(images), Disjoint::new(gradients));
    let width = tiles::width::<E>();
    let counts = [job.inner, outer.len()].map(|channels| channels.div_ceil(width));
    let segments = block.len().div_ceil(TOGETHER);
    let segment = block.len().div_ceil(segments);
    let chunks = counts[0] + counts[1];
    let work = segment * width * N * N * 8;
    parallel::ranges(job.groups * chunks * segments, work, 1, |range| {
        E::workspace(|own| {
            for task in range {
                let (chunk, group) = (task / segments % chunks, task / segments / chunks);
                let from = block.start + task % segments * segment;
                let runs = runs(job.tiles(M), from..(from + segment).min(block.end));
                let chunk_of = |chunk: usize, channels: usize| chunk * width..((chunk + 1) * width).min(channels);
                let (tiles, at) = (block.len(), from - block.start);
                let matrices = PhantomData::<T>;
                if chunk < counts[0] {
                    let channels = chunk_of(chunk, job.inner);
                    let first = group * job.inner + channels.start;
                    let planes = Planes { x, first, all: job.groups * job.inner, size: job.size, pad: job.pad };
                    let (out, apart) = (&images, layout.apart[0]);
                    let group = group * N * N;
                    let to = To { group, channels, pitch: layout.inner, tiles, at, out, apart };
                    planes.lay::<T, M, N, true>(&runs, &to, own, matrices);
                } else {
                    let channels = chunk_of(chunk - counts[0], outer.len());
                    let first = group * job.outer + outer.start + channels.start;
                    let (all, size) = (job.groups * job.outer, job.results);
                    let planes = Planes { x: gy, first, all, size, pad: [0; 2] };
                    let (out, apart) = (&gradients, layout.apart[1]);
                    let group = group * N * N;
                    let pitch = outer.len().next_multiple_of(tiles::together());
                    let to = To { group, channels, pitch, tiles, at, out, apart };
                    planes.lay::<T, M, N, false>(&runs, &to, own, matrices);
                }
            }
        });
    });
}

/// Channels of images, or of the results' gradients.
struct Planes<'a, E> {
    x: &'a [E],
    /// The first channel, and the channels of an image.
    first: usize,
    all: usize,
    size: [usize; 2],
    pad: [isize; 2],
}

/// Where some channels of tiles go.
struct To<'a, E> {
    /// Positions before those of the group.
    group: usize,
    channels: Range<usize>,
    /// All channels, with those that fill the last vector or the last rows.
    pitch: usize,
    /// Tiles of the block, and the first one's place.
    tiles: usize,
    at: usize,
    out: &'a Disjoint<'a, E>,
    apart: usize,
}

impl<E: Number> Planes<'_, E> {
    fn lay<T: Tile<E, M, N>, const M: usize, const N: usize, const PIXELS: bool>(
        &self,
        runs: &[Run],
        to: &To<'_, E>,
        own: &mut Workspace<E>,
        matrices: PhantomData<T>,
    ) {
        let side = if PIXELS { N } else { M };
        let width = tiles::pitch::<E>(to.channels.len());
        for run in runs {
            let length = run.n * M + side - M;
            let rows = own.image.take(side * length * width);
            self.turn::<M>(run, [side, length], to.channels.len(), width, rows);
            Arch::new().dispatch(Channels::<E, T, M, N, PIXELS> { rows, length, width, run, to, matrices });
        }
    }

    /// `rows[r][p][c] = x[c][M tile row + r - pad][M tile column + p - pad]`, zero outside of the image.
    fn turn<const M: usize>(
        &self,
        run: &Run,
        [side, length]: [usize; 2],
        channels: usize,
        width: usize,
        rows: &mut [E],
    ) {
        let [height, across] = self.size;
        let planes = &self.x[(run.image * self.all + self.first) * height * across..];
        let left = (run.column * M) as isize - self.pad[1];
        // What of a row lies on the image.
        let begin = (-left).clamp(0, length as isize) as usize;
        let end = (across as isize - left).clamp(begin as isize, length as isize) as usize;
        for (r, row) in rows.chunks_exact_mut(length * width).take(side).enumerate() {
            let y = (run.row * M + r) as isize - self.pad[0];
            if y < 0 || y >= height as isize || begin == end {
                row.fill(E::ZERO);
                continue;
            }
            row[..begin * width].fill(E::ZERO);
            row[end * width..].fill(E::ZERO);
            let start = (y * across as isize + left + begin as isize) as usize;
            for c in 0..channels {
                let from = &planes[c * height * across + start..][..end - begin];
                let places = row[begin * width..].chunks_exact_mut(width);
                places.zip(from).for_each(|(place, &value)| place[c] = value);
            }
        }
    }
}

/// `B' x B` or `A gy A'` for some channels of the tiles of a run.
struct Channels<'a, E, T, const M: usize, const N: usize, const PIXELS: bool> {
    rows: &'a [E],
    length: usize,
    width: usize,
    run: &'a Run,
    to: &'a To<'a, E>,
    matrices: PhantomData<T>,
}

impl<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize, const PIXELS: bool> WithSimd
    for Channels<'_, E, T, M, N, PIXELS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, together, zero) = (lanes::<E, S>(), tiles::rows_of::<S>(), E::splat(s, E::ZERO));
        let (to, width, side) = (self.to, self.width, if PIXELS { N } else { M });
        // Panels of columns, the last as wide as it must be; or rows, some side by side.
        let (piece, panel) = if PIXELS { (lanes, 3 * lanes) } else { (lanes.min(together), together) };
        assert!(self.rows.len() >= side * self.length * width && self.length >= self.run.n * M + side - M);
        assert!(width % lanes == 0 && to.at + self.run.at + self.run.n <= to.tiles);
        for at in (0..width).step_by(lanes) {
            for tile in 0..self.run.n {
                let place = |r: usize, c: usize| (r * self.length + tile * M + c) * width + at;
                // SAFETY: within the rows, by the assertions.
                let tile_of = unsafe {
                    if PIXELS {
                        let mut pixels = [[zero; N]; N];
                        for (r, pixels) in pixels.iter_mut().enumerate() {
                            for (c, pixel) in pixels.iter_mut().enumerate() {
                                *pixel = read::<E, S>(self.rows.as_ptr().add(place(r, c)));
                            }
                        }
                        both!(s, T::pixels, pixels, N, N, zero)
                    } else {
                        let mut results = [[zero; M]; M];
                        for (r, results) in results.iter_mut().enumerate() {
                            for (c, result) in results.iter_mut().enumerate() {
                                *result = read::<E, S>(self.rows.as_ptr().add(place(r, c)));
                            }
                        }
                        both!(s, T::gradients, results, M, N, zero)
                    }
                };
                let step = to.at + self.run.at + tile;
                for part in (0..lanes).step_by(piece) {
                    let channel = to.channels.start + at + part;
                    if channel >= to.pitch {
                        continue;
                    }
                    let first = channel / panel * panel;
                    let row = panel.min(to.pitch - first);
                    let inside = first * to.tiles + step * row + channel - first;
                    for (position, vector) in tile_of.as_flattened().iter().enumerate() {
                        // SAFETY: a task writes its own channels of its own tiles.
                        unsafe {
                            let out = to.out.pointer((to.group + position) * to.apart + inside);
                            out.copy_from_nonoverlapping((&raw const *vector).cast::<E>().add(part), piece);
                        }
                    }
                }
            }
        }
    }
}

/// Adds a block's products to the sums, or begins them.
fn multiply<E: Number>(
    job: &Job,
    layout: &Layout,
    positions: usize,
    [images, gradients]: [&[E]; 2],
    (outer, tiles): (usize, usize),
    sums: &mut [E],
    begun: bool,
) {
    let (width, chunks) = (tiles::width::<E>(), outer.div_ceil(CHANNELS));
    let sums = Disjoint::new(sums);
    let work = 2 * CHANNELS * job.inner * tiles;
    parallel::ranges(job.groups * positions * chunks, work, 1, |range| {
        for task in range {
            let (place, row) = (task / chunks, task % chunks * CHANNELS);
            for from in (0..job.inner).step_by(width) {
                let product = Product {
                    rows: Rows::Steps,
                    m: CHANNELS.min(outer - row),
                    n: width.min(job.inner - from),
                    k: tiles,
                    a: gradients[place * layout.apart[1] + row * tiles..].as_ptr(),
                    b: images[place * layout.apart[0] + from * tiles..].as_ptr(),
                    // SAFETY: each task has its own rows of its own position.
                    c: unsafe { sums.pointer(place * layout.apart[2] + row * layout.inner + from) },
                    row: layout.inner,
                    begun,
                };
                // SAFETY: rows and panels were laid out as it wants them.
                unsafe { product.run() };
            }
        }
    });
}

/// `G' m G` for a row of filters.
struct Filter<'a, E, T, const M: usize, const N: usize> {
    sums: &'a [E],
    /// From one position to the next.
    apart: usize,
    out: &'a mut [E],
    matrices: PhantomData<T>,
}

impl<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize> WithSimd for Filter<'_, E, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, zero) = (lanes::<E, S>(), E::splat(s, E::ZERO));
        let inner = self.out.len() / 9;
        assert!(self.sums.len() >= (N * N - 1) * self.apart + inner.next_multiple_of(lanes));
        for (at, out) in (0..inner).step_by(lanes).zip(self.out.chunks_mut(lanes * 9)) {
            let mut tile = [[zero; N]; N];
            for (position, place) in tile.as_flattened_mut().iter_mut().enumerate() {
                // SAFETY: rows are whole vectors, by the assertion within the sums.
                *place = unsafe { read::<E, S>(self.sums.as_ptr().add(position * self.apart + at)) };
            }
            let taps = both!(s, T::taps, tile, N, 3, zero);
            for (tap, vector) in taps.as_flattened().iter().enumerate() {
                let vector = (&raw const *vector).cast::<E>();
                for (i, filter) in out.chunks_exact_mut(9).enumerate() {
                    // SAFETY: there are no more filters than elements of a vector.
                    filter[tap] = unsafe { *vector.add(i) };
                }
            }
        }
    }
}
