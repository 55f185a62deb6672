//! Tiles of strips transformed along their second axis, as operands of the products of one frequency of the first axis;
//! and back again.
//!
//! Sequences of the first and of the last frequency are real, their transforms symmetric: half of them is multiplied.

use super::{
    super::{HALF, SIDE},
    transforms::fourier,
};
use crate::kernel::{
    convolution::vectors::{scaled, sum},
    tiles::{Number, lanes, read},
};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Positions of all frequencies: a real and an imaginary part of each, one after the other.
pub(super) const ALL: usize = before(HALF);

/// Most positions of a frequency of the first axis.
pub(super) const MOST: usize = 2 * SIDE;

/// Frequencies along the second axis for one along the first.
pub(super) const fn across(row: usize) -> usize {
    if row.is_multiple_of(HALF - 1) { HALF } else { SIDE }
}

/// Positions before those of a frequency along the first axis.
pub(super) const fn before(row: usize) -> usize {
    match row {
        0 => 0,
        HALF => 2 * (2 * HALF + (HALF - 2) * SIDE),
        _ => 2 * (HALF + (row - 1) * SIDE),
    }
}

/// Where the numbers of tiles go: elements between positions, between tiles, and between pieces of a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct To {
    pub position: usize,
    pub tile: usize,
    /// Elements of a vector that lie together.
    pub piece: usize,
    pub pieces: usize,
}

/// Tiles of a strip as operands: for some frequencies of the first axis their positions.
pub(super) struct Across<'a, E> {
    /// Begins with the first tile.
    pub strip: &'a [E],
    /// From one row of the strip to the next.
    pub row: usize,
    /// Columns from one tile to the next, and of a tile.
    pub step: usize,
    pub reach: usize,
    pub tiles: usize,
    pub frequencies: Range<usize>,
    pub conjugate: bool,
    pub to: To,
    pub out: *mut E,
}

impl<E: Number> Across<'_, E> {
    /// # Safety
    /// There is room for all that `to` says, which nobody else uses.
    pub unsafe fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Across<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, to, zero) = (lanes::<E, S>(), self.to, E::splat(s, E::ZERO));
        let columns = (self.tiles - 1) * self.step + self.reach;
        assert!(self.reach <= SIDE && self.frequencies.end <= HALF);
        assert!(self.strip.len() >= (2 * self.frequencies.end - 1) * self.row + columns * lanes);
        for frequency in self.frequencies.clone() {
            let (count, from) = (across(frequency), before(frequency) - before(self.frequencies.start));
            for tile in 0..self.tiles {
                let (mut re, mut im) = ([zero; SIDE], [zero; SIDE]);
                // SAFETY: within the strip, by the assertions; within `out`, by the promise that `run` was given.
                unsafe {
                    let at = self.strip.as_ptr().add(2 * frequency * self.row + tile * self.step * lanes);
                    for (c, re) in re.iter_mut().enumerate().take(self.reach) {
                        *re = read::<E, S>(at.add(c * lanes));
                    }
                    if count == SIDE {
                        for (c, im) in im.iter_mut().enumerate().take(self.reach) {
                            *im = read::<E, S>(at.add(self.row + c * lanes));
                        }
                    }
                    let [re, im] = fourier::<E, S>(s, &re, &im);
                    let out = self.out.add(from * to.position + tile * to.tile);
                    for f in 0..count {
                        let im = if self.conjugate { scaled::<E, S>(s, -1.0, im[f]) } else { im[f] };
                        write::<E, S>(to, out.add(2 * f * to.position), re[f]);
                        write::<E, S>(to, out.add((2 * f + 1) * to.position), im);
                    }
                }
            }
        }
    }
}

/// Writes a vector in its pieces.
#[inline(always)]
unsafe fn write<E: Number, S: Simd>(to: To, out: *mut E, vector: E::Vector<S>) {
    let lanes = lanes::<E, S>();
    // SAFETY: by the caller's promise.
    unsafe {
        if to.piece == lanes {
            return out.cast::<E::Vector<S>>().write_unaligned(vector);
        }
        let from = (&raw const vector).cast::<E>();
        for (i, first) in (0..lanes).step_by(to.piece).enumerate() {
            out.add(i * to.pieces).copy_from_nonoverlapping(from.add(first), to.piece);
        }
    }
}

/// Products of one frequency of the first axis back to strips.
pub(super) struct Back<'a, E> {
    /// Begins with the first tile.
    pub sums: &'a [E],
    /// Elements from one position and from one tile to the next.
    pub position: usize,
    pub tile: usize,
    pub tiles: usize,
    pub frequency: usize,
    /// Columns of a tile.
    pub reach: usize,
    /// Columns that are there already, and added to: of the first tile, and of each other.
    pub begun: [usize; 2],
    /// From one row of the strip and from one tile to the next.
    pub row: usize,
    pub step: usize,
    pub out: *mut E,
}

impl<E: Number> Back<'_, E> {
    /// # Safety
    /// There is room for the tiles in each row of the strip, which nobody else uses.
    pub unsafe fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Back<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let (lanes, position, count) = (lanes::<E, S>(), self.position, across(self.frequency));
        assert!(self.sums.len() >= (2 * count - 1) * position + (self.tiles - 1) * self.tile + lanes);
        assert!(self.reach <= SIDE);
        for tile in 0..self.tiles {
            let (mut re, mut im) = ([E::splat(s, E::ZERO); SIDE], [E::splat(s, E::ZERO); SIDE]);
            // SAFETY: within the sums, by the assertion; within the strip, by the promise that `run` was given.
            unsafe {
                let from = self.sums.as_ptr().add(tile * self.tile);
                for f in 0..count {
                    re[f] = read::<E, S>(from.add(2 * f * position));
                    im[f] = read::<E, S>(from.add((2 * f + 1) * position));
                }
                for f in count..SIDE {
                    re[f] = re[SIDE - f];
                    im[f] = scaled::<E, S>(s, -1.0, im[SIDE - f]);
                }
                let [im, re] = fourier::<E, S>(s, &im, &re);
                let begun = self.begun[usize::from(tile > 0)];
                let out = self.out.add(2 * self.frequency * self.row + tile * self.step);
                for (part, values) in [re, im].iter().enumerate() {
                    let out = out.add(part * self.row);
                    for (c, &vector) in values.iter().enumerate().take(self.reach) {
                        let out = out.add(c * lanes);
                        let vector = if c < begun { sum::<E, S>(s, read::<E, S>(out), vector) } else { vector };
                        out.cast::<E::Vector<S>>().write_unaligned(vector);
                    }
                }
            }
        }
    }
}
