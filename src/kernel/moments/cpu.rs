//! Passes over rows and columns on the CPU, block by block.

use super::Geometry;
use crate::{
    kernel::{
        elementwise::{Blocks, Lane},
        fuse::Prologue,
        parallel::{self, Disjoint},
    },
    tensor::expr::Source,
};

/// Mean and sum of squared distances of some elements.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment {
    pub n: f64,
    pub mean: f64,
    pub squares: f64,
}

impl Moment {
    /// That of both together.
    fn join(self, other: Moment) -> Moment {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
        }
        let n = self.n + other.n;
        let d = other.mean - self.mean;
        Moment {
            n,
            mean: self.mean + d * other.n / n,
            squares: self.squares + other.squares + d * d * self.n * other.n / n,
        }
    }
}

/// Elements of a block, as [`Blocks`] computes them.
const BLOCK: usize = 2048;

/// The sum of `f` over elements of slices of one length, by 16 running sums.
#[inline(always)]
pub(in crate::kernel) fn lanes<R: Lane, const N: usize>(xs: [&[R]; N], f: impl Fn([R; N]) -> R) -> f64 {
    const LANES: usize = 16;
    let n = xs[0].len();
    let whole = n / LANES * LANES;
    let mut sums = [R::ZERO; LANES];
    for at in (0..whole).step_by(LANES) {
        // Arrays, so that the compiler knows their length and packs the loop.
        let blocks: [&[R; LANES]; N] =
            std::array::from_fn(|k| xs[k][at..at + LANES].try_into().expect("as many elements"));
        for (l, s) in sums.iter_mut().enumerate() {
            *s += f(std::array::from_fn(|k| blocks[k][l]));
        }
    }
    let rest = (whole..n).map(|i| f(std::array::from_fn(|k| xs[k][i])).to_f64());
    sums.iter().map(|s| s.to_f64()).sum::<f64>() + rest.sum::<f64>()
}

fn moment<R: Lane>(x: &[R]) -> Moment {
    struct Pass<'a, R>(&'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = Moment;
        #[inline(always)]
        fn call(self) -> Moment {
            let x = self.0;
            let n = x.len() as f64;
            let mean = lanes([x], |[x]| x) / n;
            let near = R::of(mean);
            let squares = lanes([x], |[x]| (x - near) * (x - near));
            // Their mean was rounded, and they are that far from it.
            let off = mean - near.to_f64();
            let squares = squares - n * off * off;
            // Not by `max`, which loses a NaN.
            Moment { n, mean, squares: if squares < 0.0 { 0.0 } else { squares } }
        }
    }
    pulp::Arch::new().dispatch(Pass(x))
}

fn pair<R: Lane>(a: &[R], b: &[R]) -> [f64; 2] {
    struct Pass<'a, R>(&'a [R], &'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = [f64; 2];
        #[inline(always)]
        fn call(self) -> [f64; 2] {
            let (a, b) = (self.0, &self.1[..self.0.len()]);
            [lanes([a], |[a]| a), lanes([a, b], |[a, b]| a * b)]
        }
    }
    pulp::Arch::new().dispatch(Pass(a, b))
}

/// Adds each `a` and `a * b` to the sums of its column.
fn add_pairs<R: Lane>(sums: &mut [[f64; 2]], a: &[R], b: &[R]) {
    struct Pass<'a, R>(&'a mut [[f64; 2]], &'a [R], &'a [R]);
    impl<R: Lane> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let n = self.0.len();
            let (a, b) = (&self.1[..n], &self.2[..n]);
            for i in 0..n {
                self.0[i][0] += a[i].to_f64();
                self.0[i][1] += (a[i] * b[i]).to_f64();
            }
        }
    }
    pulp::Arch::new().dispatch(Pass(sums, a, b));
}

impl Geometry {
    /// Folds spans of rows in parallel: `fold` takes a span of elements to one value, `join` two values to one.
    fn spans<V: Copy + Default + Send>(
        &self,
        fold: impl Fn(usize, usize) -> V + Sync,
        join: impl Fn(V, V) -> V,
    ) -> Vec<V> {
        let rows = self.lead * self.kept;
        // Long rows in parts, so that there is work for every thread.
        let parts = (4 * rayon::current_num_threads()).div_ceil(rows).min(self.length.div_ceil(4 * BLOCK)).max(1);
        let part = self.length.div_ceil(parts);
        let mut values = vec![V::default(); rows * parts];
        let shared = Disjoint::new(&mut values);
        parallel::ranges(rows * parts, part, 1, |range| {
            for i in range {
                let (row, first) = (i / parts, (i % parts) * part);
                let last = (first + part).min(self.length);
                if first < last {
                    // SAFETY: each span has its own value.
                    unsafe { shared.range(i..i + 1)[0] = fold(row * self.length + first, last - first) };
                }
            }
        });
        // A row is a lead and a result.
        let mut results = vec![V::default(); self.kept];
        for (row, values) in values.chunks(parts).enumerate() {
            let result = &mut results[row % self.kept];
            *result = values.iter().fold(*result, |sum, &v| join(sum, v));
        }
        results
    }

    /// Folds rows of `kept` neighbours in parallel, by columns: `fold` adds elements `at..at + n` to the columns' values.
    fn columns<V: Copy + Default + Send>(
        &self,
        fold: impl Fn(usize, usize, &mut [V]) + Sync,
        join: impl Fn(V, V) -> V,
    ) -> Vec<V> {
        let work = self.kept * self.length;
        let parts = (2 * rayon::current_num_threads()).min(self.length).min(work.div_ceil(32 * BLOCK)).max(1);
        let part = self.length.div_ceil(parts);
        let mut values = vec![V::default(); parts * self.kept];
        let shared = Disjoint::new(&mut values);
        parallel::ranges(parts, part * self.kept, 1, |range| {
            for i in range {
                let (first, last) = (i * part, ((i + 1) * part).min(self.length));
                if first < last {
                    // SAFETY: each part has its own values.
                    let own = unsafe { shared.range(i * self.kept..(i + 1) * self.kept) };
                    fold(first * self.kept, (last - first) * self.kept, own);
                }
            }
        });
        let mut parts = values.chunks(self.kept);
        let mut results = parts.next().map(<[V]>::to_vec).unwrap_or_default();
        for part in parts {
            results.iter_mut().zip(part).for_each(|(r, &v)| *r = join(*r, v));
        }
        results
    }

    pub(super) fn measure<R: Lane>(&self, prologue: &Prologue) -> Vec<Moment> {
        let blocks = Blocks::<R>::new(&prologue.plan);
        let source = prologue.source;
        if self.by_row {
            let fold = |at: usize, n: usize| {
                let mut sum = Moment::default();
                each_block(&blocks, source, at, n, |_, x| sum = sum.join(moment(x)));
                sum
            };
            return self.spans(fold, Moment::join);
        }
        // Distances are taken from the first row of a part, in f64: there they keep what the mean takes away.
        let fold = |at: usize, n: usize, sums: &mut [Moment]| {
            let mut near = vec![0.0; self.kept];
            each_block(&blocks, source, at, n.min(self.kept), |from, x| {
                near[from..from + x.len()].iter_mut().zip(x).for_each(|(o, v)| *o = v.to_f64());
            });
            each_block(&blocks, source, at, n, |from, x| {
                runs(from, x.len(), self.kept, |to, column, run| {
                    let x = x[to..to + run].iter().zip(&near[column..]);
                    for (s, (v, near)) in sums[column..column + run].iter_mut().zip(x) {
                        let d = v.to_f64() - near;
                        s.mean += d;
                        s.squares += d * d;
                    }
                });
            });
            let rows = (n / self.kept) as f64;
            for (s, near) in sums.iter_mut().zip(near) {
                let d = s.mean / rows;
                let squares = s.squares - d * s.mean;
                // Not by `max`, which loses a NaN.
                *s = Moment { n: rows, mean: near + d, squares: if squares < 0.0 { 0.0 } else { squares } };
            }
        };
        self.columns(fold, Moment::join)
    }

    pub(super) fn pairs<R: Lane>(&self, a: &Prologue, b: &Prologue) -> Vec<[f64; 2]> {
        let (blocks_a, blocks_b) = (Blocks::<R>::new(&a.plan), Blocks::<R>::new(&b.plan));
        let join = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        if self.by_row {
            let fold = |at: usize, n: usize| {
                let mut sum = [0.0; 2];
                each_block(&blocks_a, a.source, at, n, |from, a| {
                    each_block(&blocks_b, b.source, at + from, a.len(), |_, b| sum = join(sum, pair(a, b)));
                });
                sum
            };
            return self.spans(fold, join);
        }
        let fold = |at: usize, n: usize, sums: &mut [[f64; 2]]| {
            each_block(&blocks_a, a.source, at, n, |from, a| {
                each_block(&blocks_b, b.source, at + from, a.len(), |_, b| {
                    runs(from, a.len(), self.kept, |to, column, run| {
                        add_pairs(&mut sums[column..column + run], &a[to..to + run], &b[to..to + run]);
                    });
                });
            });
        };
        self.columns(fold, join)
    }
}

/// Calls `f(position, values)` for elements `at..at + n`, block by block.
fn each_block<R: Lane>(blocks: &Blocks<'_, R>, source: Source, at: usize, n: usize, mut f: impl FnMut(usize, &[R])) {
    for from in (0..n).step_by(BLOCK) {
        blocks.compute(at + from, BLOCK.min(n - from), &[source], |_, values| f(from, values));
    }
}

/// Calls `f(position, column, n)` for the runs along rows of `width` of `n` elements from position `from` on.
fn runs(from: usize, n: usize, width: usize, mut f: impl FnMut(usize, usize, usize)) {
    let mut done = 0;
    while done < n {
        let column = (from + done) % width;
        let run = (width - column).min(n - done);
        f(done, column, run);
        done += run;
    }
}
