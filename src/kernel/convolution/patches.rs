//! Windows of images on the CPU, copied side by side as columns of a matrix, and added back.

use super::cpu::Number;
use crate::{kernel::parallel::Disjoint, shape::ConvolutionShape};
use std::ops::Range;

/// Columns and steps of a block, at most about these: its copies stay in the second-level cache.
pub(super) const COLUMNS: usize = 512;
pub(super) const STEPS: usize = 256;

/// Windows `from..to` of each of several images; all of them if there is more than one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub image: usize,
    pub images: usize,
    pub from: usize,
    pub to: usize,
}

impl Block {
    pub fn columns(&self) -> usize {
        self.images * (self.to - self.from)
    }
}

/// All windows in blocks: enough of them for all threads, where each is done `times` times.
pub(super) fn blocks(s: &ConvolutionShape, times: usize) -> Vec<Block> {
    let columns = s.images * s.area();
    let threads = rayon::current_num_threads();
    let fair = columns.div_ceil((threads * 3).div_ceil(times)).max(64);
    let together = (COLUMNS.min(fair) / s.area().max(1)).clamp(1, s.images.max(1));
    blocks_of(s, 0..s.images, together).collect()
}

/// Windows of some images in blocks: `together` images, or parts of one.
pub(super) fn blocks_of(s: &ConvolutionShape, images: Range<usize>, together: usize) -> impl Iterator<Item = Block> {
    let area = s.area();
    let parts = area.div_ceil(COLUMNS).max(1);
    // Parts of whole vectors.
    let step = area.div_ceil(parts).next_multiple_of(16).max(16);
    let parts = if area == 0 { 0 } else { area.div_ceil(step) };
    let end = images.end;
    images.step_by(together).flat_map(move |image| {
        let count = together.min(end - image);
        let parts = if count > 1 { 1 } else { parts };
        (0..parts).map(move |p| {
            let (from, to) = if count > 1 { (0, area) } else { (p * step, ((p + 1) * step).min(area)) };
            Block { image, images: count, from, to }
        })
    })
}

/// The results of a block as a matrix of filters by windows, and the length of its rows: where they lie, or copied.
pub(super) fn results<'a, E: Number>(
    y: &'a [E],
    s: &ConvolutionShape,
    group: usize,
    block: &Block,
    gathered: &'a mut Vec<E>,
) -> (&'a [E], usize) {
    let (m, area, n) = (s.filters, s.area(), block.columns());
    let first = |image: usize| (image * s.groups + group) * m * area;
    if block.images == 1 {
        return (&y[first(block.image) + block.from..], area);
    }
    if gathered.len() < m * n {
        gathered.resize(m * n, E::zero());
    }
    for i in 0..block.images {
        let from = &y[first(block.image + i)..];
        for row in 0..m {
            gathered[row * n + i * area..][..area].copy_from_slice(&from[row * area..][..area]);
        }
    }
    (gathered, n)
}

/// What lies under the windows of a block.
pub(super) struct Columns<'a, E> {
    pub s: &'a ConvolutionShape,
    pub x: &'a [E],
    pub group: usize,
    pub block: &'a Block,
}

/// A run of neighbouring windows along the last axis: where in a row of columns, and over what.
struct Run {
    /// Position in the row.
    at: usize,
    /// Length.
    n: usize,
    /// Windows at the start, and all before the end, that lie on the image; what is outside is zero.
    inside: Range<usize>,
    /// Position on the channel's image of the first one inside.
    from: usize,
}

impl<E: Number> Columns<'_, E> {
    /// Rows `steps` of the matrix, each the element of every window that the step names.
    pub fn copy<'b>(&self, steps: Range<usize>, columns: &'b mut Vec<E>) -> &'b [E] {
        let n = self.block.columns();
        if columns.len() < steps.len() * n {
            columns.resize(steps.len() * n, E::zero());
        }
        let stride = self.s.stride[2];
        for (row, step) in columns.chunks_exact_mut(n).zip(steps.clone()) {
            self.runs(step, |first, run| {
                let out = &mut row[run.at..run.at + run.n];
                if run.inside.is_empty() {
                    return out.fill(E::zero());
                }
                out[..run.inside.start].fill(E::zero());
                out[run.inside.end..].fill(E::zero());
                let x = &self.x[first + run.from..];
                let out = &mut out[run.inside];
                if stride == 1 {
                    let n = out.len();
                    out.iter_mut().zip(&x[..n]).for_each(|(o, &v)| *o = v);
                } else {
                    out.iter_mut().zip(x.iter().step_by(stride)).for_each(|(o, &v)| *o = v);
                }
            });
        }
        &columns[..steps.len() * n]
    }

    /// Adds rows `steps` to the image that they were taken from.
    pub fn add_back(&self, steps: Range<usize>, columns: &[E], x: &Disjoint<'_, E>) {
        let n = self.block.columns();
        let stride = self.s.stride[2];
        for (row, step) in columns.chunks_exact(n).zip(steps) {
            self.runs(step, |first, run| {
                if run.inside.is_empty() {
                    return;
                }
                let values = &row[run.at..run.at + run.n][run.inside];
                let start = first + run.from;
                // SAFETY: the channels of these images belong to the caller's task.
                let x = unsafe { x.range(start..start + (values.len() - 1) * stride + 1) };
                if stride == 1 {
                    x.iter_mut().zip(values).for_each(|(x, &v)| *x = E::sum(*x, v));
                } else {
                    x.iter_mut().step_by(stride).zip(values).for_each(|(x, &v)| *x = E::sum(*x, v));
                }
            });
        }
    }

    /// Calls `f` with where the channel's image begins, for each run of one step's row.
    fn runs(&self, step: usize, mut f: impl FnMut(usize, Run)) {
        let s = self.s;
        let (channel, tap) = (step / s.taps(), step % s.taps());
        let [_, k1, k2] = s.kernel;
        let away = [s.away(0, tap / k2 / k1), s.away(1, tap / k2 % k1), s.away(2, tap % k2)];
        let [_, w1, w2] = s.windows;
        // Windows along the last axis whose element lies on the image.
        let stride = s.stride[2] as isize;
        let low = (-away[2]).max(0).div_euclid(stride) + isize::from((-away[2]).max(0) % stride != 0);
        let high = ((s.image[2] as isize - away[2]).max(0) + stride - 1).div_euclid(stride);
        let (low, high) = ((low as usize).min(w2), (high as usize).min(w2));
        let (first_row, first_column) = (self.block.from / w2, self.block.from % w2);
        let each = self.block.to - self.block.from;
        for i in 0..self.block.images {
            let image = ((self.block.image + i) * s.groups + self.group) * s.channels + channel;
            let origin = image * s.pixels();
            let (mut row, mut column) = ([first_row / w1, first_row % w1], first_column);
            let mut done = 0;
            while done < each {
                let n = (w2 - column).min(each - done);
                let y: [isize; 2] = std::array::from_fn(|a| (row[a] * s.stride[a]) as isize + away[a]);
                let on = (0..s.image[0] as isize).contains(&y[0]) && (0..s.image[1] as isize).contains(&y[1]);
                let (start, end) = (low.max(column), high.min(column + n));
                let (inside, from) = if on && start < end {
                    let x = (start as isize * stride + away[2]) as usize;
                    let from = (y[0] as usize * s.image[1] + y[1] as usize) * s.image[2] + x;
                    (start - column..end - column, from)
                } else {
                    (0..0, 0)
                };
                f(origin, Run { at: i * each + done, n, inside, from });
                done += n;
                column = 0;
                row[1] += 1;
                if row[1] == w1 {
                    row = [row[0] + 1, 0];
                }
            }
        }
    }
}
