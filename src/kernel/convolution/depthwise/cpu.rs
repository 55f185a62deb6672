//! On the CPU: a plane of pixels is laid out so that neighbouring windows lie on neighbours, with zeros around it, and each
//! element of the filters is multiplied with whole vectors of it.

use super::{
    super::{
        cpu::{Operand, Sink},
        patches::{Block, Neighbours, Under},
    },
    turned,
};
use crate::{
    kernel::{
        parallel::{self, Disjoint},
        tiles::{self, Memory, Number, Run, Workspace, lanes, read},
    },
    shape::ConvolutionShape,
};
use pulp::{Arch, Simd, WithSimd};

/// Pixels of a block of rows, about: it stays in the first-level cache with its results.
const PIXELS: usize = 4096;

/// The rows of windows of a plane, as many together as have about so many pixels.
fn blocks(s: &ConvolutionShape) -> Vec<Block> {
    let row = s.windows[2];
    let rows = (PIXELS / (row * s.stride[1] * s.stride[2])).max(1) * row;
    (0..s.area())
        .step_by(rows)
        .map(|from| Block { image: 0, images: 1, from, to: (from + rows).min(s.area()) })
        .collect()
}

/// A block of the first group of the first image, which is moved to others.
struct Plane<'a> {
    under: Under<'a>,
    block: &'a Block,
    runs: Vec<Run>,
    /// The runs by vectors, one after the other; the last of each may have fewer elements.
    vectors: Vec<Run>,
    /// Those of all elements, and then the others, which have as many as each other.
    whole: Vec<Run>,
    ends: Vec<Run>,
    /// Of the elements of a filter.
    offsets: Vec<usize>,
}

fn planes<'a, E: Number>(s: &'a ConvolutionShape, blocks: &'a [Block]) -> Vec<Plane<'a>> {
    let lanes = tiles::pitch::<E>(1);
    let plane = |block: &'a Block| {
        let under = Under::copy(s, 0, block, Neighbours::Windows);
        let (runs, mut offsets) = (under.runs(), vec![]);
        under.offsets(0..s.channels * s.taps(), 0, &mut offsets);
        let vector = |run: &Run, i: usize| Run { at: run.at + i, from: run.from + i, n: lanes.min(run.n - i) };
        let vectors = runs.iter().flat_map(|run| (0..run.n).step_by(lanes).map(move |i| vector(run, i)));
        let vectors: Vec<Run> = vectors.collect();
        let (whole, ends) = vectors.iter().partition(|v| v.n == lanes);
        Plane { under, block, runs, vectors, whole, ends, offsets }
    };
    blocks.iter().map(plane).collect()
}

/// What a group of an image takes of time, in products.
fn work(s: &ConvolutionShape) -> usize {
    s.channels * s.filters * s.taps() * s.area()
}

pub(in super::super) fn run_cpu<E: Number>(
    s: &ConvolutionShape,
    x: &Operand<'_, E>,
    w: &Operand<'_, E>,
    sink: Sink<'_, E>,
) {
    let (area, steps) = (s.area(), s.channels * s.taps());
    let (memory, operators) = match sink {
        Sink::Memory(y) => (Some(Disjoint::new(y)), None),
        Sink::Operators(epilogue) => (None, Some(epilogue)),
    };
    let blocks = blocks(s);
    let planes = planes::<E>(s, &blocks);
    parallel::ranges(s.images * s.groups, work(s), 1, |range| {
        E::workspace(|Workspace { image, results, .. }| {
            for (at, plane) in range.flat_map(|at| planes.iter().map(move |plane| (at, plane))) {
                let pixels = plane.under.channels(&x.values[at * s.channels * s.pixels()..], 0..s.channels, image);
                for f in 0..s.filters {
                    let w = &w.values[(at % s.groups * s.filters + f) * steps..][..steps];
                    let out = results.take(plane.block.columns());
                    Arch::new().dispatch(Forward { plane, pixels, w, out: &mut *out });
                    let first = (at * s.filters + f) * area + plane.block.from;
                    let values = &out[..plane.block.columns()];
                    match (&memory, operators) {
                        // SAFETY: each block's results are written by its task.
                        (Some(y), _) => unsafe { y.range(first..first + values.len()) }.copy_from_slice(values),
                        (None, Some(epilogue)) => epilogue.apply(first, values),
                        (None, None) => unreachable!("results go somewhere"),
                    }
                }
            }
        });
    });
}

/// Filters `(G, F, C, taps)` as `(G, C, F, taps)`, from their last elements on.
fn turned_filters<E: Number>(s: &ConvolutionShape, w: &[E]) -> Vec<E> {
    let (taps, channels, filters) = (s.taps(), s.channels, s.filters);
    let place = |at: usize| {
        let (tap, f, c, g) =
            (at % taps, at / taps % filters, at / taps / filters % channels, at / taps / filters / channels);
        ((g * filters + f) * channels + c) * taps + taps - 1 - tap
    };
    (0..w.len()).map(|at| w[place(at)]).collect()
}

pub(in super::super) fn run_data_cpu<E: Number>(
    s: &ConvolutionShape,
    gy: &Operand<'_, E>,
    w: &Operand<'_, E>,
    gx: &mut [E],
) {
    if let Some(turned) = turned(s) {
        let w = turned_filters(s, w.values);
        return run_cpu(&turned, gy, &Operand { values: &w }, Sink::Memory(gx));
    }
    let (area, steps, pixels) = (s.area(), s.channels * s.taps(), s.channels * s.pixels());
    let blocks = blocks(s);
    let planes = planes::<E>(s, &blocks);
    let gx = Disjoint::new(gx);
    parallel::ranges(s.images * s.groups, work(s), 1, |range| {
        E::workspace(|Workspace { image, panel, .. }| {
            for at in range {
                // SAFETY: a group of an image belongs to one task.
                let own = unsafe { gx.range(at * pixels..(at + 1) * pixels) };
                own.fill(E::ZERO);
                let own = Disjoint::new(own);
                for plane in &planes {
                    let copy = image.take(plane.under.size(s.channels));
                    copy.fill(E::ZERO);
                    for f in 0..s.filters {
                        let w = &w.values[(at % s.groups * s.filters + f) * steps..][..steps];
                        let gradient = plane.gradient(&gy.values[(at * s.filters + f) * area..], panel);
                        Arch::new().dispatch(Data { plane, gradient, w, copy: &mut *copy });
                    }
                    plane.under.add_back(copy, 0..s.channels, &own);
                }
            }
        });
    });
}

pub(in super::super) fn run_weights_cpu<E: Number>(
    s: &ConvolutionShape,
    x: &Operand<'_, E>,
    gy: &Operand<'_, E>,
    gw: &mut [E],
) {
    let (area, steps) = (s.area(), s.channels * s.taps());
    let blocks = blocks(s);
    let planes = planes::<E>(s, &blocks);
    let gw = Disjoint::new(gw);
    parallel::ranges(s.groups, work(s) * s.images, 1, |range| {
        E::workspace(|Workspace { image, panel, rows, .. }| {
            for g in range {
                let size = s.filters * steps;
                let sums = &mut rows.take(size * MOST)[..size * MOST];
                sums.fill(E::ZERO);
                for (i, plane) in (0..s.images).flat_map(|i| planes.iter().map(move |plane| (i, plane))) {
                    let at = i * s.groups + g;
                    let pixels = plane.under.channels(&x.values[at * s.channels * s.pixels()..], 0..s.channels, image);
                    for (f, sums) in sums.chunks_exact_mut(steps * MOST).enumerate() {
                        let gradient = plane.gradient(&gy.values[(at * s.filters + f) * area..], panel);
                        Arch::new().dispatch(Weights { plane, pixels, gradient, sums });
                    }
                }
                // SAFETY: a group belongs to one task.
                let gw = unsafe { gw.range(g * size..(g + 1) * size) };
                for (gw, sums) in gw.iter_mut().zip(sums.chunks_exact(MOST)) {
                    *gw = sums.iter().fold(E::ZERO, |sum, &part| sum + part);
                }
            }
        });
    });
}

impl Plane<'_> {
    /// The results' gradient of the block, and room to read past it.
    fn gradient<'b, E: Number>(&self, gy: &[E], memory: &'b mut Memory<E>) -> &'b [E] {
        let n = self.block.columns();
        let out = memory.take(n);
        out[..n].copy_from_slice(&gy[self.block.from..self.block.to]);
        out
    }

    /// Whether vectors that begin within the runs lie in a copy of so many elements, and in results of so many.
    fn check(&self, copy: usize, results: usize, lanes: usize) {
        let furthest = self.offsets.iter().max().expect("filters have elements");
        let fits = |run: &Run| run.from + run.n + furthest + lanes <= copy + 1 && run.at + run.n + lanes <= results + 1;
        assert!(self.runs.iter().all(fits));
    }
}

/// `y = sum over elements of w x`, for one filter.
struct Forward<'a, E> {
    plane: &'a Plane<'a>,
    pixels: &'a [E],
    w: &'a [E],
    /// Runs one after the other; what a vector has beyond one is written again.
    out: &'a mut [E],
}

impl<E: Number> WithSimd for Forward<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, zero) = (lanes::<E, S>(), E::splat(s, E::ZERO));
        let (pixels, out) = (self.pixels.as_ptr(), self.out.as_mut_ptr());
        self.plane.check(self.pixels.len(), self.out.len(), lanes);
        let (fours, rest) = self.plane.vectors.as_chunks::<4>();
        // SAFETY: vectors begin within the runs, which are checked above.
        unsafe {
            for [a, b, c, d] in fours {
                let mut sums = [zero; 4];
                for (&offset, &w) in self.plane.offsets.iter().zip(self.w) {
                    let (from, w) = (pixels.add(offset), E::splat(s, w));
                    sums[0] = E::multiply_add(s, w, read::<E, S>(from.add(a.from)), sums[0]);
                    sums[1] = E::multiply_add(s, w, read::<E, S>(from.add(b.from)), sums[1]);
                    sums[2] = E::multiply_add(s, w, read::<E, S>(from.add(c.from)), sums[2]);
                    sums[3] = E::multiply_add(s, w, read::<E, S>(from.add(d.from)), sums[3]);
                }
                out.add(a.at).cast::<E::Vector<S>>().write_unaligned(sums[0]);
                out.add(b.at).cast::<E::Vector<S>>().write_unaligned(sums[1]);
                out.add(c.at).cast::<E::Vector<S>>().write_unaligned(sums[2]);
                out.add(d.at).cast::<E::Vector<S>>().write_unaligned(sums[3]);
            }
            for a in rest {
                let mut sum = zero;
                for (&offset, &w) in self.plane.offsets.iter().zip(self.w) {
                    sum = E::multiply_add(s, E::splat(s, w), read::<E, S>(pixels.add(a.from + offset)), sum);
                }
                out.add(a.at).cast::<E::Vector<S>>().write_unaligned(sum);
            }
        }
    }
}

/// `copy += w gy` for each element of one filter, where it lies under the windows.
struct Data<'a, E> {
    plane: &'a Plane<'a>,
    gradient: &'a [E],
    w: &'a [E],
    copy: &'a mut [E],
}

impl<E: Number> WithSimd for Data<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = lanes::<E, S>();
        let (gradient, copy) = (self.gradient.as_ptr(), self.copy.as_mut_ptr());
        self.plane.check(self.copy.len(), self.gradient.len(), lanes);
        // A row that was just written is slow to read from other places: rows within elements, not elements within rows.
        for (&offset, &w) in self.plane.offsets.iter().zip(self.w) {
            let w = E::splat(s, w);
            for run in &self.plane.runs {
                let whole = run.n / lanes * lanes;
                // SAFETY: checked above; what a vector has beyond the run is stored as it was.
                unsafe {
                    let (from, to) = (gradient.add(run.at), copy.add(run.from + offset));
                    for i in (0..whole).step_by(lanes) {
                        let to = to.add(i).cast::<E::Vector<S>>();
                        let sum = E::multiply_add(s, w, read::<E, S>(from.add(i)), to.read_unaligned());
                        to.write_unaligned(sum);
                    }
                    if whole < run.n {
                        let (to, rest) = (to.add(whole).cast::<E::Vector<S>>(), E::first(s, run.n - whole));
                        let more = E::multiply_add(s, w, read::<E, S>(from.add(whole)), E::splat(s, E::ZERO));
                        to.write_unaligned(E::sum(s, E::only(s, rest, more), to.read_unaligned()));
                    }
                }
            }
        }
    }
}

/// Elements of the longest vector.
const MOST: usize = 16;

/// `sum over windows of x gy` by the elements of a vector, added to `sums`, for each element of one filter.
struct Weights<'a, E> {
    plane: &'a Plane<'a>,
    pixels: &'a [E],
    gradient: &'a [E],
    sums: &'a mut [E],
}

impl<E: Number> WithSimd for Weights<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = lanes::<E, S>();
        let (pixels, gradient) = (self.pixels.as_ptr(), self.gradient.as_ptr());
        self.plane.check(self.pixels.len(), self.gradient.len(), lanes);
        let Plane { whole, ends, offsets, .. } = self.plane;
        // Blocks are whole rows: their runs are as long as each other.
        assert!(ends.iter().all(|end| end.n == ends[0].n));
        let mask = E::first(s, ends.first().map_or(0, |end| end.n));
        for (&offset, total) in offsets.iter().zip(self.sums.chunks_exact_mut(MOST)) {
            // SAFETY: vectors begin within the runs, which are checked above; what they have beyond does not count.
            unsafe {
                let whole = products::<E, S>(s, pixels.add(offset), gradient, whole);
                let ends = E::only(s, mask, products::<E, S>(s, pixels.add(offset), gradient, ends));
                let total = total.as_mut_ptr().cast::<E::Vector<S>>();
                total.write_unaligned(E::sum(s, E::sum(s, whole, ends), total.read_unaligned()));
            }
        }
    }
}

/// `sum over vectors of x gy`.
#[inline(always)]
unsafe fn products<E: Number, S: Simd>(s: S, x: *const E, gy: *const E, vectors: &[Run]) -> E::Vector<S> {
    let mut sums = [E::splat(s, E::ZERO); 4];
    let (fours, rest) = vectors.as_chunks::<4>();
    // SAFETY: by the caller's promise.
    unsafe {
        for [a, b, c, d] in fours {
            sums[0] = E::multiply_add(s, read::<E, S>(x.add(a.from)), read::<E, S>(gy.add(a.at)), sums[0]);
            sums[1] = E::multiply_add(s, read::<E, S>(x.add(b.from)), read::<E, S>(gy.add(b.at)), sums[1]);
            sums[2] = E::multiply_add(s, read::<E, S>(x.add(c.from)), read::<E, S>(gy.add(c.at)), sums[2]);
            sums[3] = E::multiply_add(s, read::<E, S>(x.add(d.from)), read::<E, S>(gy.add(d.at)), sums[3]);
        }
        for a in rest {
            sums[0] = E::multiply_add(s, read::<E, S>(x.add(a.from)), read::<E, S>(gy.add(a.at)), sums[0]);
        }
    }
    E::sum(s, E::sum(s, sums[0], sums[1]), E::sum(s, sums[2], sums[3]))
}
