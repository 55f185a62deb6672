//! Blocks of windows on the CPU, and where the elements under them lie: in the images, or in a copy with zeros around.

use crate::{
    kernel::{
        parallel::Disjoint,
        tiles::{Memory, Number, Run, SLACK},
    },
    shape::ConvolutionShape,
};
use smallvec::SmallVec;
use std::ops::Range;

/// Windows of a block, at most about these: what is copied for them and their results stay in the second-level cache.
pub(super) const COLUMNS: usize = 512;

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

    /// The windows of a block among results: runs of columns, from places that count from channel 0 of its first image.
    pub fn runs(&self, image: usize) -> Vec<Run> {
        let n = self.to - self.from;
        (0..self.images).map(|i| Run { at: i * n, from: i * image + self.from, n }).collect()
    }
}

/// Windows of some images in blocks of at most about `most`: several images, or parts of one, which are whole vectors.
pub(super) fn blocks(s: &ConvolutionShape, images: Range<usize>, most: usize) -> impl Iterator<Item = Block> + use<> {
    let area = s.area();
    let together = (most / area.max(1)).clamp(1, images.len().max(1));
    let step = area.div_ceil(area.div_ceil(most).max(1)).next_multiple_of(SLACK).max(SLACK);
    let end = images.end;
    images.step_by(together).flat_map(move |image| {
        let count = together.min(end - image);
        let step = if count > 1 { area.max(1) } else { step };
        (0..area).step_by(step).map(move |from| Block { image, images: count, from, to: (from + step).min(area) })
    })
}

/// Pixels along an axis, `stride` apart.
struct Segment {
    n: usize,
    first: isize,
    stride: usize,
}

/// One axis of what lies under a block.
struct Axis {
    segments: Vec<Segment>,
    /// Where the elements of a window lie, and how far apart windows do.
    taps: Vec<usize>,
    step: usize,
}

impl Axis {
    fn len(&self) -> usize {
        self.segments.iter().map(|s| s.n).sum()
    }

    /// Pixels under `windows`, by their place between windows: neighbouring windows lie on neighbours.
    fn by_windows(s: &ConvolutionShape, axis: usize, windows: &Range<usize>) -> Axis {
        let (stride, dilate, pad) = (s.stride[axis], s.dilate[axis], s.pad[axis]);
        let at = |tap: usize| ((tap * dilate) % stride, tap * dilate / stride);
        let furthest = at(s.kernel[axis] - 1).1;
        let len = windows.len() + furthest;
        let mut phases: Vec<usize> = vec![];
        let mut taps = vec![];
        for (phase, away) in (0..s.kernel[axis]).map(at) {
            let known = phases.iter().position(|&p| p == phase).unwrap_or_else(|| {
                phases.push(phase);
                phases.len() - 1
            });
            taps.push(known * len + away);
        }
        let segment = |&phase: &usize| Segment {
            n: len,
            first: (windows.start * stride + phase) as isize - pad as isize,
            stride,
        };
        Axis { segments: phases.iter().map(segment).collect(), taps, step: 1 }
    }

    /// Pixels under `windows` as they are.
    fn by_pixels(s: &ConvolutionShape, axis: usize, windows: &Range<usize>) -> Axis {
        let (stride, dilate, pad) = (s.stride[axis], s.dilate[axis], s.pad[axis]);
        let n = (windows.len() - 1) * stride + (s.kernel[axis] - 1) * dilate + 1;
        let first = (windows.start * stride) as isize - pad as isize;
        let taps = (0..s.kernel[axis]).map(|tap| tap * dilate).collect();
        Axis { segments: vec![Segment { n, first, stride: 1 }], taps, step: stride }
    }
}

/// What should be neighbours in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neighbours {
    Windows,
    Elements,
}

/// The pixels under a block.
pub(super) struct Under<'a> {
    s: &'a ConvolutionShape,
    group: usize,
    block: &'a Block,
    /// The box of windows that the block lies in.
    windows: [Range<usize>; 3],
    axes: [Axis; 3],
    /// Distances along the axes, and of channels and images.
    pitch: [usize; 3],
    channel: usize,
    image: usize,
    copied: bool,
}

impl<'a> Under<'a> {
    /// Where all windows lie on the images, and neighbours are neighbours there: the images. Else a copy.
    pub fn images(s: &'a ConvolutionShape, group: usize, block: &'a Block, neighbours: Neighbours) -> Under<'a> {
        let as_they_are = neighbours == Neighbours::Elements || s.stride[2] == 1;
        let end = |a: usize| (s.windows[a] - 1) * s.stride[a] + (s.kernel[a] - 1) * s.dilate[a];
        if s.pad != [0; 3] || !as_they_are || (0..3).any(|a| end(a) >= s.image[a]) {
            return Under::copy(s, group, block, neighbours);
        }
        let windows = within(s, block);
        let axes = std::array::from_fn(|a| Axis::by_pixels(s, a, &windows[a]));
        let pitch = [s.image[1] * s.image[2], s.image[2], 1];
        let image = s.groups * s.channels * s.pixels();
        Under { s, group, block, windows, axes, pitch, channel: s.pixels(), image, copied: false }
    }

    /// A copy, whatever the images are.
    pub fn copy(s: &'a ConvolutionShape, group: usize, block: &'a Block, neighbours: Neighbours) -> Under<'a> {
        let windows = within(s, block);
        let axes: [Axis; 3] = std::array::from_fn(|a| match neighbours {
            Neighbours::Elements if a == 2 => Axis::by_pixels(s, a, &windows[a]),
            _ => Axis::by_windows(s, a, &windows[a]),
        });
        let [n0, n1, n2] = [0, 1, 2].map(|a| axes[a].len());
        let volume = n0 * n1 * n2;
        let channel = block.images * volume;
        Under { s, group, block, windows, axes, pitch: [n1 * n2, n2, 1], channel, image: volume, copied: true }
    }

    /// Elements of a copy of some channels.
    pub fn size(&self, channels: usize) -> usize {
        channels * self.channel
    }

    /// Where the element of each step lies, from channel `first` on.
    pub fn offsets(&self, steps: Range<usize>, first: usize, out: &mut Vec<usize>) {
        let [_, k1, k2] = self.s.kernel;
        let taps = self.s.taps();
        out.clear();
        out.extend(steps.map(|step| {
            let (channel, tap) = (step / taps - first, step % taps);
            let at = [tap / k2 / k1, tap / k2 % k1, tap % k2];
            channel * self.channel + (0..3).map(|a| self.axes[a].taps[at[a]] * self.pitch[a]).sum::<usize>()
        }));
    }

    /// Where each window lies, as runs of neighbouring ones.
    pub fn runs(&self) -> Vec<Run> {
        let [_, w1, w2] = self.s.windows;
        let step: [usize; 3] = std::array::from_fn(|a| self.axes[a].step * self.pitch[a]);
        let mut runs: Vec<Run> = vec![];
        for i in 0..self.block.images {
            let mut at = self.block.from;
            while at < self.block.to {
                let window = [at / w2 / w1, at / w2 % w1, at % w2];
                let n = if step[2] == 1 { (w2 - window[2]).min(self.block.to - at) } else { 1 };
                let inside: usize = (0..3).map(|a| (window[a] - self.windows[a].start) * step[a]).sum();
                let from = i * self.image + inside;
                match runs.last_mut() {
                    Some(last) if step[2] == 1 && last.from + last.n == from => last.n += n,
                    _ => {
                        let column = runs.last().map_or(0, |last| last.at + last.n);
                        runs.push(Run { at: column, from, n });
                    }
                }
                at += n;
            }
        }
        runs
    }

    /// Some channels: of the images from the block's first pixel on, or copied to `memory`.
    pub fn channels<'b, E: Number>(&self, x: &'b [E], channels: Range<usize>, memory: &'b mut Memory<E>) -> &'b [E] {
        if channels.is_empty() {
            return &[];
        }
        if !self.copied {
            let first: usize = (0..3).map(|a| self.windows[a].start * self.axes[a].step * self.pitch[a]).sum();
            return &x[self.first(0, channels.start) + first..];
        }
        let out = memory.take(self.size(channels.len()));
        let insides = self.insides();
        self.rows(channels, |at, image, row| {
            let mut out = &mut out[at..];
            for (s, (inside, first)) in self.axes[2].segments.iter().zip(&insides) {
                let (segment, rest) = out.split_at_mut(s.n);
                out = rest;
                let Some(row) = row else {
                    segment.fill(E::ZERO);
                    continue;
                };
                segment[..inside.start].fill(E::ZERO);
                segment[inside.end..].fill(E::ZERO);
                let from = &x[image + row + first..];
                let segment = &mut segment[inside.clone()];
                if s.stride == 1 {
                    segment.copy_from_slice(&from[..segment.len()]);
                } else {
                    segment.iter_mut().zip(from.iter().step_by(s.stride)).for_each(|(to, &v)| *to = v);
                }
            }
        });
        out
    }

    /// Adds a copy of some channels to the images.
    pub fn add_back<E: Number>(&self, copy: &[E], channels: Range<usize>, x: &Disjoint<'_, E>) {
        let insides = self.insides();
        self.rows(channels, |at, image, row| {
            let Some(row) = row else { return };
            let mut copy = &copy[at..];
            for (s, (inside, first)) in self.axes[2].segments.iter().zip(&insides) {
                let (segment, rest) = copy.split_at(s.n);
                copy = rest;
                if inside.is_empty() {
                    continue;
                }
                let segment = &segment[inside.clone()];
                let start = image + row + first;
                // SAFETY: the channels of these images belong to the caller's task.
                let x = unsafe { x.range(start..start + (segment.len() - 1) * s.stride + 1) };
                if s.stride == 1 {
                    x.iter_mut().zip(segment).for_each(|(x, &v)| *x += v);
                } else {
                    x.iter_mut().step_by(s.stride).zip(segment).for_each(|(x, &v)| *x += v);
                }
            }
        });
    }

    /// Where a channel of one of the block's images begins.
    fn first(&self, i: usize, channel: usize) -> usize {
        let s = self.s;
        (((self.block.image + i) * s.groups + self.group) * s.channels + channel) * s.pixels()
    }

    /// For each segment of a row.
    fn insides(&self) -> SmallVec<[(Range<usize>, usize); 4]> {
        self.axes[2].segments.iter().map(|s| self.inside(s)).collect()
    }

    /// Which of a segment's places lie on the image, and the pixel under the first of them.
    fn inside(&self, s: &Segment) -> (Range<usize>, usize) {
        let before = |pixel: isize| ((pixel - s.first).max(0) as usize).div_ceil(s.stride).min(s.n);
        let (start, end) = (before(0), before(self.s.image[2] as isize));
        (start..end.max(start), if start < end { (s.first + (start * s.stride) as isize) as usize } else { 0 })
    }

    /// Calls `f` for each row of a copy: its place there, where its channel begins, and the row's place in it, if any.
    fn rows(&self, channels: Range<usize>, mut f: impl FnMut(usize, usize, Option<usize>)) {
        let pixels = |axis: usize| {
            let length = self.s.image[axis] as isize;
            let segments = self.axes[axis].segments.iter();
            segments
                .flat_map(|s| (0..s.n).map(|i| s.first + (i * s.stride) as isize))
                .map(|pixel| (0..length).contains(&pixel).then_some(pixel as usize))
                .collect::<Vec<_>>()
        };
        let (outer, inner) = (pixels(0), pixels(1));
        let mut at = 0;
        for channel in channels {
            for i in 0..self.block.images {
                let image = self.first(i, channel);
                for &plane in &outer {
                    for &row in &inner {
                        let row = plane.zip(row).map(|(a, b)| (a * self.s.image[1] + b) * self.s.image[2]);
                        f(at, image, row);
                        at += self.pitch[1];
                    }
                }
            }
        }
    }
}

/// The smallest box of windows that a block lies in.
fn within(s: &ConvolutionShape, block: &Block) -> [Range<usize>; 3] {
    let [w0, w1, w2] = s.windows;
    let at = |window: usize| [window / w2 / w1, window / w2 % w1, window % w2];
    let (first, last) = (at(block.from), at(block.to - 1));
    let whole = [0..w0, 0..w1, 0..w2];
    let mut windows = whole.clone();
    for a in 0..3 {
        windows[a] = first[a]..last[a] + 1;
        if first[a] != last[a] {
            windows[a + 1..].clone_from_slice(&whole[a + 1..]);
            break;
        }
    }
    windows
}
