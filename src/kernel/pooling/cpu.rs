//! Pooling on the CPU: images side by side on the cores, and within an image lines of windows, one pixel of each window
//! after the other.

use super::{Kind, Pool, Weight, Windows};
use crate::{
    device::Buffer,
    kernel::{
        elementwise::{self, Lane},
        fuse::Prologue,
        parallel::Disjoint,
        rows::{Rows, fill_rows},
    },
    shape::DType,
};
use std::ops::Range;

type Out<'a> = (&'a Buffer, DType, usize);

/// A run of windows in a line, at one pixel of each.
struct Run {
    /// The first window.
    window: usize,
    /// Its pixel; the next window's is `step` further on.
    pixel: usize,
    step: usize,
    n: usize,
    /// The pixel's place in the window.
    place: usize,
}

impl Windows {
    /// Calls `f` for runs that cover every pixel of every window, places in ascending order for each window.
    #[inline(always)]
    fn runs(&self, mut f: impl FnMut(&Run)) {
        let Windows { image, count, ksize, stride, pad } = *self;
        let row = |o: usize, k: usize, axis: usize| {
            let at = (o * stride[axis] + k).checked_sub(pad[axis])?;
            (at < image[axis]).then_some(at)
        };
        for (z, y) in (0..count[0]).flat_map(|z| (0..count[1]).map(move |y| (z, y))) {
            for k in 0..ksize[0] * ksize[1] {
                let (kz, ky) = (k / ksize[1], k % ksize[1]);
                let (Some(iz), Some(iy)) = (row(z, kz, 0), row(y, ky, 1)) else { continue };
                for kx in 0..ksize[2] {
                    // Windows whose pixel is none of the padding.
                    let first = pad[2].saturating_sub(kx).div_ceil(stride[2]);
                    let last = (image[2] + pad[2]).saturating_sub(kx).div_ceil(stride[2]).min(count[2]);
                    if first < last {
                        f(&Run {
                            window: (z * count[1] + y) * count[2] + first,
                            pixel: (iz * image[1] + iy) * image[2] + first * stride[2] + kx - pad[2],
                            step: stride[2],
                            n: last - first,
                            place: k * ksize[2] + kx,
                        });
                    }
                }
            }
        }
    }

    /// The weight of each window's pixels.
    fn weights<R: Lane>(&self, weight: Weight) -> Vec<R> {
        let Windows { image, count, ksize, stride, pad } = *self;
        let valid = |o: usize, axis: usize| {
            let (first, last) = (o * stride[axis], o * stride[axis] + ksize[axis]);
            last.min(image[axis] + pad[axis]).saturating_sub(first.max(pad[axis]))
        };
        let size = ksize.iter().product::<usize>();
        let of = |i: usize| match weight {
            Weight::One => 1.0,
            Weight::Size => 1.0 / size as f64,
            Weight::Valid => {
                let sides = [i / count[2] / count[1], i / count[2] % count[1], i % count[2]];
                1.0 / (0..3).map(|a| valid(sides[a], a)).product::<usize>().max(1) as f64
            }
        };
        (0..count.iter().product()).map(|i| R::of(of(i))).collect()
    }

    /// The place in each window of its first pixel that is no padding; 0 where all are.
    fn firsts(&self) -> Vec<i32> {
        let Windows { image, count, ksize, stride, pad } = *self;
        let of = |o: usize| {
            let windows = [o / count[2] / count[1], o / count[2] % count[1], o % count[2]];
            let places: [usize; 3] = std::array::from_fn(|a| pad[a].saturating_sub(windows[a] * stride[a]));
            let pixel = |a: usize| windows[a] * stride[a] + places[a] - pad[a];
            let inside = (0..3).all(|a| places[a] < ksize[a] && pixel(a) < image[a]);
            if inside { ((places[0] * ksize[1] + places[1]) * ksize[2] + places[2]) as i32 } else { 0 }
        };
        (0..count.iter().product()).map(of).collect()
    }

    /// The pixel that an index of window `o` names, if it is one of the image.
    fn named(&self, o: usize, index: i32) -> Option<usize> {
        let Windows { image, count, ksize, stride, pad } = *self;
        let k = usize::try_from(index).ok()?;
        let places = [k / (ksize[1] * ksize[2]), k / ksize[2] % ksize[1], k % ksize[2]];
        let windows = [o / count[2] / count[1], o / count[2] % count[1], o % count[2]];
        let mut at = 0;
        for a in 0..3 {
            let c = (windows[a] * stride[a] + places[a]).checked_sub(pad[a])?;
            at = at * image[a] + (c < image[a]).then_some(c)?;
        }
        Some(at)
    }

    /// Calls `f(window, pixel)` for the windows whose index names a pixel of the image.
    #[inline(always)]
    fn each_named(&self, indices: &[i32], mut f: impl FnMut(usize, usize)) {
        let Windows { image, count, ksize, stride, pad } = *self;
        // Of a window that lies within the image, where each place is from the first.
        let of = |k: usize| (k / ksize[2] / ksize[1] * image[1] + k / ksize[2] % ksize[1]) * image[2] + k % ksize[2];
        let places: Vec<usize> = (0..ksize.iter().product()).map(of).collect();
        let within: [Range<usize>; 3] = std::array::from_fn(|a| {
            let last = (image[a] + pad[a]).checked_sub(ksize[a]).map_or(0, |free| free / stride[a] + 1);
            pad[a].div_ceil(stride[a]).min(count[a])..last.min(count[a])
        });
        for (z, y) in (0..count[0]).flat_map(|z| (0..count[1]).map(move |y| (z, y))) {
            let line = (z * count[1] + y) * count[2];
            let inside = if within[0].contains(&z) && within[1].contains(&y) { within[2].clone() } else { 0..0 };
            for x in (0..count[2]).filter(|x| !inside.contains(x)) {
                if let Some(pixel) = self.named(line + x, indices[line + x]) {
                    f(line + x, pixel);
                }
            }
            let Some(first) = inside.clone().next() else { continue };
            let at = |o: usize, a: usize| o * stride[a] - pad[a];
            let mut pixel = (at(z, 0) * image[1] + at(y, 1)) * image[2] + at(first, 2);
            let run = line + inside.start..line + inside.end;
            for (o, &index) in run.clone().zip(&indices[run]) {
                // A negative index becomes one past every place.
                if let Some(place) = places.get(index as usize) {
                    f(o, pixel + place);
                }
                pixel += stride[2];
            }
        }
    }

    pub(super) fn max_cpu<R: Lane>(&self, x: &Prologue, out: Out<'_>, indices: Option<&Buffer>) {
        let (pixels, windows) = (self.image.iter().product::<usize>(), self.count.iter().product::<usize>());
        let planes = x.plan.shape[..2].iter().product::<usize>();
        let x = elementwise::values::<R>(x);
        // SAFETY: the indices are fresh, and known to nobody else.
        let indices = indices.map(|b| Disjoint::new(unsafe { b.host_mut::<i32>(0, planes * windows) }));
        // Padding is smaller than minus infinity.
        let firsts = if indices.is_some() { self.firsts() } else { vec![] };
        let cost = self.ksize.iter().product();
        fill_rows::<R>(out, Rows { count: planes, length: windows, cost }, |plane, y| {
            let x = &x[plane * pixels..(plane + 1) * pixels];
            y.fill(R::NEG_INFINITY);
            // SAFETY: each plane has its own.
            let at = indices.as_ref().map(|i| unsafe { i.range(plane * windows..(plane + 1) * windows) });
            match at {
                None => pulp::Arch::new().dispatch(Plane { of: self, x, y, sums: false }),
                Some(at) => {
                    at.copy_from_slice(&firsts);
                    pulp::Arch::new().dispatch(Places { of: self, x, y, at });
                }
            }
        });
    }
}

/// The largest pixels of a plane's windows, or their sums.
struct Plane<'a, R> {
    of: &'a Windows,
    x: &'a [R],
    y: &'a mut [R],
    sums: bool,
}

impl<R: Lane> pulp::NullaryFnOnce for Plane<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Plane { of, x, y, sums } = self;
        let nothing = &mut vec![(); y.len()][..];
        if sums {
            of.runs(|run| each(run, x, (y, nothing), |x, y, ()| *y += x));
        } else {
            // Either operand's NaN is the result.
            of.runs(|run| each(run, x, (y, nothing), |x, y, ()| *y = R::max(*y, x)));
        }
    }
}

/// The largest pixels of a plane's windows, and their places.
struct Places<'a, R> {
    of: &'a Windows,
    x: &'a [R],
    y: &'a mut [R],
    at: &'a mut [i32],
}

impl<R: Lane> pulp::NullaryFnOnce for Places<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Places { of, x, y, at } = self;
        of.runs(|run| {
            let place = run.place as i32;
            // Without a branch: what is larger is as likely as not.
            each(run, x, (y, at), |x, y, at| {
                let better = (x > *y) | (x.is_nan() & !y.is_nan());
                *y = R::select(better, x, *y);
                *at = if better { place } else { *at };
            });
        });
    }
}

/// Calls `f(pixel, window's value, what else is of the window)` for the windows of a run.
#[inline(always)]
fn each<R: Lane, A>(run: &Run, x: &[R], (y, at): (&mut [R], &mut [A]), mut f: impl FnMut(R, &mut R, &mut A)) {
    let windows = run.window..run.window + run.n;
    let (y, at, x) = (&mut y[windows.clone()], &mut at[windows], &x[run.pixel..]);
    if run.step == 1 {
        y.iter_mut().zip(at).zip(x).for_each(|((y, at), &x)| f(x, y, at));
    } else if run.step == 2 {
        // Neighbours side by side become vectors; the last may have none.
        let (pairs, rest) = x.as_chunks::<2>();
        let n = run.n.min(pairs.len());
        let ((head, tail), (head_at, tail_at)) = (y.split_at_mut(n), at.split_at_mut(n));
        head.iter_mut().zip(head_at).zip(pairs).for_each(|((y, at), x)| f(x[0], y, at));
        tail.iter_mut().zip(tail_at).zip(rest).for_each(|((y, at), &x)| f(x, y, at));
    } else {
        y.iter_mut().zip(at).zip(x.iter().step_by(run.step)).for_each(|((y, at), &x)| f(x, y, at));
    }
}

impl Pool {
    pub(super) fn run_cpu<R: Lane>(&self, x: &Prologue, indices: Option<(Buffer, usize)>, out: Out<'_>) {
        if self.kind == Kind::Max {
            return self.windows.max_cpu::<R>(x, out, None);
        }
        let of = &self.windows;
        let (pixels, windows) = (of.image.iter().product::<usize>(), of.count.iter().product::<usize>());
        let planes = x.plan.shape[..2].iter().product::<usize>();
        let (from, length) = if self.kind.is_back() { (windows, pixels) } else { (pixels, windows) };
        let x = elementwise::values::<R>(x);
        // SAFETY: forced, and written by nobody.
        let indices: &[i32] = indices.as_ref().map_or(&[], |(b, at)| unsafe { b.host::<i32>(*at, planes * windows) });
        let weights = of.weights::<R>(self.kind.weight());
        let cost = of.ksize.iter().product();
        fill_rows::<R>(out, Rows { count: planes, length, cost }, |plane, y| {
            let x = &x[plane * from..(plane + 1) * from];
            y.fill(R::ZERO);
            match self.kind {
                Kind::Max => unreachable!("above"),
                Kind::Sum(_) => {
                    pulp::Arch::new().dispatch(Plane { of, x, y: &mut *y, sums: true });
                    y.iter_mut().zip(&weights).for_each(|(y, &w)| *y *= w);
                }
                Kind::Spread(_) => of.runs(|run| {
                    let x = x[run.window..run.window + run.n].iter().zip(&weights[run.window..]);
                    let y = y[run.pixel..].iter_mut().step_by(run.step);
                    y.zip(x).for_each(|(y, (&x, &w))| *y += x * w);
                }),
                Kind::Take | Kind::Put => {
                    let indices = &indices[plane * windows..(plane + 1) * windows];
                    if self.kind == Kind::Take {
                        of.each_named(indices, |o, pixel| y[o] = x[pixel]);
                    } else {
                        of.each_named(indices, |o, pixel| y[pixel] += x[o]);
                    }
                }
            }
        });
    }
}
