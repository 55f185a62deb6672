//! On the CPU: a block of tiles after the other, whose pixels go straight into the panels that are multiplied.

use super::{
    super::{
        cpu::{Operand, Sink},
        runs::{self, Run, runs},
    },
    Job,
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

/// Outer channels whose filters stay in the second-level cache while all panels of a block are multiplied with them.
pub(super) const CHANNELS: usize = 64;

/// Bytes that the pixels and sums of a block take, about.
const BLOCK: usize = 6 << 20;

/// Most panels of a block.
const PANELS: usize = 4;

/// Elements between positions beside their own: whole pages apart they would share few lines of the caches.
pub(super) const APART: usize = tiles::SLACK;

pub(in super::super) fn run_cpu<E: Number>(
    (job, side): (&Job, usize),
    device: &Device,
    x: &Operand<'_, E>,
    w: &Operand<'_, E>,
    sink: Sink<'_, E>,
    workspace: usize,
) -> Result<()> {
    match side {
        2 => run::<E, Two, 2, 4>(job, device, x.values, w.values, sink, workspace),
        _ => run::<E, Four, 4, 6>(job, device, x.values, w.values, sink, workspace),
    }
}

/// Filters as they are multiplied: for each group and position rows of outer channels, packed by inner ones.
struct Filters<'a, E> {
    values: &'a [E],
    positions: usize,
    /// Those that are there.
    outer: Range<usize>,
    inner: usize,
}

impl<E> Filters<'_, E> {
    fn at(&self, group: usize, position: usize, outer: usize) -> &[E] {
        let place = (group * self.positions + position) * apart(self.outer.len(), self.inner);
        &self.values[place + (outer - self.outer.start) * self.inner..]
    }
}

/// Elements from the filters of one position to those of the next.
fn apart(outer: usize, inner: usize) -> usize {
    outer.next_multiple_of(tiles::together()) * inner + APART
}

fn run<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize>(
    job: &Job,
    device: &Device,
    x: &[E],
    w: &[E],
    sink: Sink<'_, E>,
    workspace: usize,
) -> Result<()> {
    let (memory, operators) = match sink {
        Sink::Memory(y) => (Some(Disjoint::new(y)), None),
        Sink::Operators(epilogue) => (None, Some(epilogue)),
    };
    if let Some(y) = memory.as_ref().filter(|_| job.spread) {
        let all = job.images * job.groups * job.outer * job.results[0] * job.results[1];
        // SAFETY: parts are disjoint.
        parallel::ranges(all, 1, 1, |range| unsafe { y.range(range) }.fill(E::ZERO));
    }
    let store = |at: usize, values: &[E]| match (&memory, operators) {
        // SAFETY: a task adds to some channels of whole images.
        (Some(y), _) if job.spread => {
            let y = unsafe { y.range(at..at + values.len()) };
            y.iter_mut().zip(values).for_each(|(y, &value)| *y += value);
        }
        // SAFETY: each row of a block's results is written by its task.
        (Some(y), _) => unsafe { y.range(at..at + values.len()) }.copy_from_slice(values),
        (None, Some(epilogue)) => epilogue.apply(at, values),
        (None, None) => unreachable!("results go somewhere"),
    };
    // As many outer channels at a time as their filters fit the workspace, in parts of one size.
    let together = tiles::together();
    let most = workspace / (job.groups * N * N * job.inner * size_of::<E>()).max(1) / together * together;
    let parts = job.outer.div_ceil(most.max(together));
    let part = job.outer.div_ceil(parts).next_multiple_of(together);
    let size = job.groups * N * N * apart(part.min(job.outer), job.inner);
    let buffer = Tag::Workspace.during(|| device.allocate((size * size_of::<E>()) as u64))?;
    for first in (0..job.outer).step_by(part) {
        let outer = first..(first + part).min(job.outer);
        // SAFETY: the buffer is this function's, and nobody reads it.
        let transformed = Disjoint::new(unsafe { buffer.host_mut::<E>(0, size) });
        let rows = outer.len().div_ceil(together);
        parallel::ranges(job.groups * rows, job.inner * together * N * N * 2, 1, |range| {
            for at in range {
                let (group, first) = (at / rows, at % rows * together);
                let (out, matrices) = (&transformed, PhantomData::<T>);
                let filter =
                    Filter::<E, T, M, N> { job, w, group, outer: outer.clone(), first, together, out, matrices };
                Arch::new().dispatch(filter);
            }
        });
        // SAFETY: nobody writes any more.
        let values = unsafe { buffer.host::<E>(0, size) };
        let filters = Filters { values, positions: N * N, outer, inner: job.inner };
        multiply::<E, T, M, N>(job, x, &filters, &store);
    }
    Ok(())
}

/// The results of some outer channels.
fn multiply<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize>(
    job: &Job,
    x: &[E],
    filters: &Filters<'_, E>,
    store: &(impl Fn(usize, &[E]) + Sync),
) {
    let outer = filters.outer.clone();
    let width = tiles::width::<E>();
    let all = job.all_tiles(M);
    let threads = rayon::current_num_threads();
    let wanted = if threads == 1 { 1 } else { threads * 3 };
    let panels = (BLOCK / (N * N * (job.inner + job.outer) * width * size_of::<E>())).clamp(1, PANELS);
    let blocks = all.div_ceil(width * panels).max(wanted.div_ceil(job.groups).min(all.div_ceil(width)));
    // Each as wide as the others, and where they are few, parts of the outer channels for each thread.
    let whole = if job.spread { job.all_tiles(M) / job.images.max(1) } else { 1 };
    let block = (all.div_ceil(blocks) / whole).max(1) * whole;
    let blocks = all.div_ceil(block);
    let chunks = wanted.div_ceil(blocks * job.groups).min(outer.len().div_ceil(CHANNELS));
    let chunk = outer.len().div_ceil(chunks).next_multiple_of(tiles::together());
    let chunks = outer.len().div_ceil(chunk);
    let work = N * N * block * job.inner * chunk;
    parallel::ranges(blocks * job.groups * chunks, work, 1, |range| {
        E::workspace(|own| {
            for task in range {
                let (at, group, first) =
                    (task % chunks, task / chunks % job.groups, task / chunks / job.groups * block);
                let outer = outer.start + at * chunk..(outer.start + (at + 1) * chunk).min(outer.end);
                let block = Block { job, group, runs: runs(job.tiles(M), first..(first + block).min(all)) };
                block.run::<E, T, M, N>(x, filters, outer, own, store);
            }
        });
    });
}

/// `G w G'` for the rows that are packed together from the `first` of some outer channels on.
struct Filter<'a, E, T, const M: usize, const N: usize> {
    job: &'a Job,
    w: &'a [E],
    group: usize,
    outer: Range<usize>,
    first: usize,
    /// Rows that are packed together.
    together: usize,
    out: &'a Disjoint<'a, E>,
    matrices: PhantomData<T>,
}

impl<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize> WithSimd for Filter<'_, E, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (job, lanes, together) = (self.job, lanes::<E, S>(), self.together);
        let [group, outer, inner] = job.strides;
        let apart = apart(self.outer.len(), job.inner);
        let rows = together.min(self.outer.len() - self.first);
        let (zero, mut taps) = (E::splat(s, E::ZERO), [[E::ZERO; 16]; 9]);
        for at in (0..together * job.inner).step_by(lanes) {
            let n = lanes.min(together * job.inner - at);
            for i in 0..n {
                // Rows past the last are multiplied too, and not stored.
                let row = self.outer.start + self.first + ((at + i) % together).min(rows - 1);
                let filter = &self.w[self.group * group + row * outer + (at + i) / together * inner..][..9];
                for (tap, taps) in taps.iter_mut().enumerate() {
                    taps[i] = filter[if job.turned { 8 - tap } else { tap }];
                }
            }
            let mut tile = [[zero; 3]; 3];
            for (place, taps) in tile.as_flattened_mut().iter_mut().zip(&taps) {
                // SAFETY: a vector has at most 16 elements.
                *place = unsafe { read::<E, S>(taps.as_ptr()) };
            }
            let tile = both!(s, T::filters, tile, 3, N, zero);
            for (position, vector) in tile.as_flattened().iter().enumerate() {
                let to = (self.group * N * N + position) * apart + self.first * job.inner + at;
                // SAFETY: a group of rows is written by one task, what follows it perhaps by another.
                unsafe {
                    let to = self.out.pointer(to);
                    match n == lanes {
                        true => to.cast::<E::Vector<S>>().write_unaligned(*vector),
                        false => to.copy_from_nonoverlapping((&raw const *vector).cast::<E>(), n),
                    }
                }
            }
        }
    }
}

struct Block<'a> {
    job: &'a Job,
    group: usize,
    runs: Vec<Run>,
}

impl Block<'_> {
    fn run<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize>(
        &self,
        x: &[E],
        filters: &Filters<'_, E>,
        outer: Range<usize>,
        own: &mut Workspace<E>,
        store: &impl Fn(usize, &[E]),
    ) {
        let job = self.job;
        let n = self.runs.last().map_or(0, |run| run.at + run.n);
        let (pitch, width) = (tiles::pitch::<E>(n), tiles::width::<E>());
        let Workspace { panel, image, results, .. } = own;
        let apart = job.inner * pitch + APART;
        let panels = panel.take(N * N * apart);
        // The pixels of a channel's tiles, place by place; then a row of the image with zeros around it.
        let longest = runs::longest(&self.runs) * M + 2;
        let (places, row) = image.take(N * N * pitch + longest).split_at_mut(N * N * pitch);
        for channel in 0..job.inner {
            let from = ((self.group * job.inner) + channel) * job.size[0] * job.size[1];
            for run in &self.runs {
                self.gather::<E, M, N>(&x[from..], run, pitch, places, row);
            }
            let matrices = PhantomData::<T>;
            let pixels = Pixels::<E, T, M, N> { job, places, pitch, channel, out: &mut *panels, apart, matrices };
            Arch::new().dispatch(pixels);
        }
        let sums_apart = outer.len() * pitch + APART;
        let sums = results.take(N * N * sums_apart + N * N * pitch + longest * M);
        let (sums, rest) = sums.split_at_mut(N * N * sums_apart);
        let (tile, row) = rest.split_at_mut(N * N * pitch);
        for position in 0..N * N {
            for first in outer.clone().step_by(CHANNELS) {
                let some = CHANNELS.min(outer.end - first);
                for from in (0..n).step_by(width) {
                    let product = Product {
                        rows: Rows::Steps,
                        m: some,
                        n: width.min(n - from),
                        k: job.inner,
                        a: filters.at(self.group, position, first).as_ptr(),
                        b: panels[position * apart + from * job.inner..].as_ptr(),
                        c: sums[position * sums_apart + (first - outer.start) * pitch + from..].as_mut_ptr(),
                        row: pitch,
                        begun: false,
                    };
                    // SAFETY: rows and panels were packed as it wants them, and the sums are the thread's.
                    unsafe { product.run() };
                }
            }
        }
        for (row_of, channel) in outer.enumerate() {
            let matrices = PhantomData::<T>;
            let sums = &sums[row_of * pitch..];
            let (out, spread) = (&mut *tile, job.spread);
            Arch::new().dispatch(Results::<E, T, M, N> { sums, apart: sums_apart, pitch, out, spread, matrices });
            match spread {
                true => self.spread::<E, M, N>(channel, pitch, tile, row, store),
                false => self.scatter::<E, M>(channel, pitch, tile, row, store),
            }
        }
    }

    /// `places[r][c][tile] = x[M tile row + r - pad][M tile column + c - pad]`, zero outside of the image; of tiles side by side
    /// `M` by `M`, without padding.
    fn gather<E: Number, const M: usize, const N: usize>(
        &self,
        x: &[E],
        run: &Run,
        pitch: usize,
        places: &mut [E],
        row: &mut [E],
    ) {
        let job = self.job;
        let [height, width] = job.size;
        let image = &x[run.image * job.groups * job.inner * height * width..];
        let (side, pad) = if job.spread { (M, [0; 2]) } else { (N, job.pad) };
        let length = run.n * M + side - M;
        let left = (run.column * M) as isize - pad[1];
        // What of the row lies on the image.
        let begin = (-left).clamp(0, length as isize) as usize;
        let end = (width as isize - left).clamp(begin as isize, length as isize) as usize;
        for r in 0..side {
            let y = (run.row * M + r) as isize - pad[0];
            let out = &mut places[r * side * pitch + run.at..];
            if y < 0 || y >= height as isize || begin == end {
                for c in 0..side {
                    out[c * pitch..][..run.n].fill(E::ZERO);
                }
                continue;
            }
            let start = (y * width as isize + left + begin as isize) as usize;
            let row = &mut row[..length];
            row[..begin].fill(E::ZERO);
            row[begin..end].copy_from_slice(&image[start..start + end - begin]);
            row[end..].fill(E::ZERO);
            for c in 0..side {
                let from = row[c..].chunks(M);
                out[c * pitch..][..run.n].iter_mut().zip(from).for_each(|(out, from)| *out = from[0]);
            }
        }
    }

    /// Results of one channel to where they belong, row by row.
    fn scatter<E: Number, const M: usize>(
        &self,
        channel: usize,
        pitch: usize,
        tile: &[E],
        row: &mut [E],
        store: &impl Fn(usize, &[E]),
    ) {
        let job = self.job;
        let [height, width] = job.results;
        for run in &self.runs {
            let plane = (run.image * job.groups + self.group) * job.outer + channel;
            let (left, length) = (run.column * M, (run.n * M).min(width - run.column * M));
            for r in 0..M.min(height - run.row * M) {
                for c in 0..M {
                    let from = &tile[(r * M + c) * pitch + run.at..][..run.n];
                    row.chunks_exact_mut(M).zip(from).for_each(|(to, &value)| to[c] = value);
                }
                store((plane * height + run.row * M + r) * width + left, &row[..length]);
            }
        }
    }

    /// Tiles of one channel to where they overlap, row by row.
    fn spread<E: Number, const M: usize, const N: usize>(
        &self,
        channel: usize,
        pitch: usize,
        tile: &[E],
        row: &mut [E],
        store: &impl Fn(usize, &[E]),
    ) {
        let job = self.job;
        let [height, width] = job.results;
        for run in &self.runs {
            let plane = (run.image * job.groups + self.group) * job.outer + channel;
            let (left, length) = ((run.column * M) as isize - job.pad[1], run.n * M + N - M);
            // What of the row lies on the image.
            let begin = (-left).clamp(0, length as isize) as usize;
            let end = (width as isize - left).clamp(begin as isize, length as isize) as usize;
            for r in 0..N {
                let y = (run.row * M + r) as isize - job.pad[0];
                if y < 0 || y >= height as isize || begin == end {
                    continue;
                }
                let row = &mut row[..length];
                row.fill(E::ZERO);
                for c in 0..N {
                    let from = &tile[(r * N + c) * pitch + run.at..][..run.n];
                    row[c..].chunks_mut(M).zip(from).for_each(|(to, &value)| to[0] += value);
                }
                let at = (plane * height + y as usize) * width;
                store(((at + begin) as isize + left) as usize, &row[begin..end]);
            }
        }
    }
}

/// `B' x B`, or `A gy A'`, for a channel of a block's tiles, to its row of the panels.
struct Pixels<'a, E, T, const M: usize, const N: usize> {
    job: &'a Job,
    places: &'a [E],
    pitch: usize,
    channel: usize,
    out: &'a mut [E],
    /// From one position's panels to the next.
    apart: usize,
    matrices: PhantomData<T>,
}

impl<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize> WithSimd for Pixels<'_, E, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (pitch, lanes, width) = (self.pitch, lanes::<E, S>(), 3 * lanes::<E, S>());
        let zero = E::splat(s, E::ZERO);
        assert!(self.places.len() >= N * N * pitch && self.out.len() >= N * N * self.apart);
        assert!(self.channel < self.job.inner && self.apart >= self.job.inner * pitch);
        for at in (0..pitch).step_by(lanes) {
            // Panels one after the other, the last of them as wide as it must be.
            let from = at / width * width;
            let row = from * self.job.inner + self.channel * width.min(pitch - from) + at - from;
            // SAFETY: rows are whole vectors, by the assertions within both.
            unsafe {
                let tile = if self.job.spread {
                    let mut tile = [[zero; M]; M];
                    for (position, place) in tile.as_flattened_mut().iter_mut().enumerate() {
                        *place = read::<E, S>(self.places.as_ptr().add(position * pitch + at));
                    }
                    both!(s, T::gradients, tile, M, N, zero)
                } else {
                    let mut tile = [[zero; N]; N];
                    for (position, place) in tile.as_flattened_mut().iter_mut().enumerate() {
                        *place = read::<E, S>(self.places.as_ptr().add(position * pitch + at));
                    }
                    both!(s, T::pixels, tile, N, N, zero)
                };
                for (position, vector) in tile.as_flattened().iter().enumerate() {
                    let to = self.out.as_mut_ptr().add(position * self.apart + row);
                    to.cast::<E::Vector<S>>().write_unaligned(*vector);
                }
            }
        }
    }
}

/// `A' m A`, or `B m B'`, for a channel of a block's tiles.
struct Results<'a, E, T, const M: usize, const N: usize> {
    sums: &'a [E],
    /// From one position to the next.
    apart: usize,
    pitch: usize,
    out: &'a mut [E],
    spread: bool,
    matrices: PhantomData<T>,
}

impl<E: Number, T: Tile<E, M, N>, const M: usize, const N: usize> WithSimd for Results<'_, E, T, M, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (pitch, lanes) = (self.pitch, lanes::<E, S>());
        let zero = E::splat(s, E::ZERO);
        assert!(self.sums.len() >= (N * N - 1) * self.apart + pitch && self.out.len() >= N * N * pitch);
        for at in (0..pitch).step_by(lanes) {
            // SAFETY: rows are whole vectors, by the assertion within both.
            unsafe {
                let mut tile = [[zero; N]; N];
                for (position, place) in tile.as_flattened_mut().iter_mut().enumerate() {
                    *place = read::<E, S>(self.sums.as_ptr().add(position * self.apart + at));
                }
                let out = self.out.as_mut_ptr().add(at);
                if self.spread {
                    let tile = both!(s, T::spread, tile, N, N, zero);
                    for (position, vector) in tile.as_flattened().iter().enumerate() {
                        out.add(position * pitch).cast::<E::Vector<S>>().write_unaligned(*vector);
                    }
                } else {
                    let tile = both!(s, T::results, tile, N, M, zero);
                    for (position, vector) in tile.as_flattened().iter().enumerate() {
                        out.add(position * pitch).cast::<E::Vector<S>>().write_unaligned(*vector);
                    }
                }
            }
        }
    }
}
