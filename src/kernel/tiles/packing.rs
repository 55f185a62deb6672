//! Operands gathered for tiles from wherever they are, and results taken back there.

use super::{Number, SLACK, lanes, read, together};
use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

/// Neighbours: `n` elements `at` a place of each packed row, from a place of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) struct Run {
    pub at: usize,
    pub from: usize,
    pub n: usize,
}

/// The part of `runs` that lies in columns `from..to`, cut into pieces of at most `most`; places count from column `from`.
pub(in crate::kernel) fn pieces(runs: &[Run], from: usize, to: usize, most: usize, out: &mut Vec<Run>) {
    out.clear();
    let first = runs.partition_point(|run| run.at + run.n <= from);
    for run in &runs[first..] {
        let (start, end) = (run.at.max(from), (run.at + run.n).min(to));
        for at in (start..end).step_by(most) {
            out.push(Run { at: at - from, from: run.from + at - run.at, n: most.min(end - at) });
        }
        if end == to {
            break;
        }
    }
}

/// The length in which runs are copied: a few elements too many in one move take less time than the right number in several.
pub(in crate::kernel) fn piece(runs: &[Run]) -> usize {
    match runs.iter().map(|run| run.n).max().unwrap_or(0) {
        0 | 1 => 1,
        2..=4 => 4,
        5..=8 => 8,
        _ => SLACK,
    }
}

/// `out[row][piece] = source[offset of the row + piece]` for every row, rows `pitch` apart. Pieces go on from one to the
/// next, at most `length` each, as [`piece`] has it; what a row has after its last piece may be anything.
pub(in crate::kernel) fn pack<E: Number>(
    source: &[E],
    offsets: &[usize],
    pieces: &[Run],
    length: usize,
    pitch: usize,
    out: &mut [E],
) {
    let (Some(&furthest), Some(last)) = (offsets.iter().max(), pieces.iter().map(|p| p.from + p.n).max()) else {
        return;
    };
    assert!(offsets.len() * pitch + SLACK <= out.len() && pieces.iter().all(|p| p.at < pitch && p.n <= length));
    assert!(furthest + last <= source.len());
    // A move of a whole length must end within the source: the rows from the first one on where it might not are copied
    // by the element.
    let safe = (source.len() + 1).saturating_sub(last + length);
    let inside = if furthest < safe { offsets.len() } else { offsets.iter().take_while(|&&o| o < safe).count() };
    Arch::new().dispatch(Pack { source, offsets: &offsets[..inside], pieces, length, pitch, out: &mut *out });
    for (row, &offset) in offsets.iter().enumerate().skip(inside) {
        for p in pieces {
            out[row * pitch + p.at..][..p.n].copy_from_slice(&source[offset + p.from..][..p.n]);
        }
    }
}

struct Pack<'a, E> {
    source: &'a [E],
    offsets: &'a [usize],
    pieces: &'a [Run],
    length: usize,
    pitch: usize,
    out: &'a mut [E],
}

impl<E: Number> NullaryFnOnce for Pack<'_, E> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        match self.length {
            1 => self.by::<1>(),
            4 => self.by::<4>(),
            8 => self.by::<8>(),
            _ => self.by::<SLACK>(),
        }
    }
}

impl<E: Number> Pack<'_, E> {
    #[inline(always)]
    fn by<const N: usize>(&mut self) {
        let (source, out) = (self.source.as_ptr(), self.out.as_mut_ptr());
        for (row, &offset) in self.offsets.iter().enumerate() {
            for p in self.pieces {
                // SAFETY: checked by `pack`: a move of `N` elements ends within the source and the slack of `out`.
                unsafe {
                    let from = source.add(offset + p.from).cast::<[E; N]>();
                    out.add(row * self.pitch + p.at).cast::<[E; N]>().write_unaligned(from.read_unaligned());
                }
            }
        }
    }
}

/// `out[offset of the row + piece] += columns[row][piece]` for every row, rows `pitch` apart.
pub(in crate::kernel) fn scatter<E: Number>(
    columns: &[E],
    offsets: &[usize],
    runs: &[Run],
    pitch: usize,
    out: &mut [E],
) {
    let last = runs.iter().map(|run| run.from + run.n).max().unwrap_or(0);
    assert!(offsets.len() * pitch + SLACK <= columns.len() && runs.iter().all(|run| run.at + run.n <= pitch));
    assert!(offsets.iter().all(|o| o + last + SLACK <= out.len()));
    Arch::new().dispatch(Scatter { columns, offsets, runs, pitch, out });
}

struct Scatter<'a, E> {
    columns: &'a [E],
    offsets: &'a [usize],
    runs: &'a [Run],
    pitch: usize,
    out: &'a mut [E],
}

impl<E: Number> WithSimd for Scatter<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = lanes::<E, S>();
        let mut parts = vec![];
        for run in self.runs {
            for i in (0..run.n).step_by(lanes) {
                parts.push((run.at + i, run.from + i, E::first(s, (run.n - i).min(lanes))));
            }
        }
        let (columns, out) = (self.columns.as_ptr(), self.out.as_mut_ptr());
        for (row, &offset) in self.offsets.iter().enumerate() {
            for &(at, from, mask) in &parts {
                // SAFETY: checked by `scatter`; what a vector has beyond a run lies in slack, and is stored as it was.
                unsafe {
                    let more = E::only(s, mask, read::<E, S>(columns.add(row * self.pitch + at)));
                    let out = out.add(offset + from);
                    out.cast::<E::Vector<S>>().write_unaligned(E::sum(s, read::<E, S>(out), more));
                }
            }
        }
    }
}

/// Packs rows as [`Rows::Steps`]: steps of `w`, `apart` elements from one to the next, of which each has `rows` neighbours.
pub(in crate::kernel) fn pack_steps<E: Number>(w: &[E], apart: usize, steps: usize, rows: usize, out: &mut [E]) {
    fn by<E: Number, const R: usize>(w: &[E], apart: usize, steps: usize, rows: usize, out: &mut [E]) {
        for step in 0..steps {
            let from = &w[step * apart..][..rows];
            let (tiles, rest) = from.as_chunks::<R>();
            for (tile, values) in tiles.iter().enumerate() {
                out[(tile * steps + step) * R..][..R].copy_from_slice(values);
            }
            if !rest.is_empty() {
                out[(tiles.len() * steps + step) * R..][..rest.len()].copy_from_slice(rest);
            }
        }
    }
    match together() {
        8 => by::<E, 8>(w, apart, steps, rows, out),
        _ => by::<E, 4>(w, apart, steps, rows, out),
    }
}

/// A panel of `n` columns that are neighbours, in `steps` rows `apart` from one to the next.
pub(in crate::kernel) fn pack_panel<E: Number>(
    b: &[E],
    apart: usize,
    steps: usize,
    n: usize,
    pitch: usize,
    out: &mut [E],
) {
    let moves = n.div_ceil(SLACK);
    assert!(n <= pitch && steps * pitch + SLACK <= out.len() && moves <= 3 && (steps - 1) * apart + n <= b.len());
    // Rows before the first one where whole moves might end past the source.
    let inside = match (b.len() + 1).checked_sub(moves * SLACK) {
        Some(room) if apart > 0 => room.div_ceil(apart).min(steps),
        _ => 0,
    };
    Arch::new().dispatch(Panel { b, apart, steps: inside, moves, pitch, out: &mut *out });
    for step in inside..steps {
        out[step * pitch..][..n].copy_from_slice(&b[step * apart..][..n]);
    }
}

struct Panel<'a, E> {
    b: &'a [E],
    apart: usize,
    steps: usize,
    moves: usize,
    pitch: usize,
    out: &'a mut [E],
}

impl<E: Number> NullaryFnOnce for Panel<'_, E> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        match self.moves {
            1 => self.by::<1>(),
            2 => self.by::<2>(),
            _ => self.by::<3>(),
        }
    }
}

impl<E: Number> Panel<'_, E> {
    #[inline(always)]
    fn by<const MOVES: usize>(&mut self) {
        for step in 0..self.steps {
            // SAFETY: checked by `pack_panel`: moves end within the source, the rows and the slack of `out`.
            unsafe {
                let from = self.b.as_ptr().add(step * self.apart).cast::<[E; SLACK]>();
                let to = self.out.as_mut_ptr().add(step * self.pitch).cast::<[E; SLACK]>();
                for i in 0..MOVES {
                    to.add(i).write_unaligned(from.add(i).read_unaligned());
                }
            }
        }
    }
}
