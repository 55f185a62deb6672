//! Products of packed operands on the CPU: tiles of results that stay in registers.
//!
//! `c[i][j] += sum over t of a[i][t] * b[t][j]`, where `b` is a **panel**: rows of at most [`width`] columns, a step each.
//! Whoever packs a panel gathers it from wherever its elements are, so that a convolution needs no other copy of its windows.
//! A tile is 8 rows by 3 vectors where there are 32 registers, else 4 by 3: a step takes one load for each vector, and
//! one for each row.

mod packing;
mod panels;
#[cfg(test)]
mod tests;

pub(super) use packing::{Run, pack, pack_panel, pack_steps, piece, pieces, scatter};
pub(super) use panels::Panels;

use super::elementwise::Lane;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Most steps of a panel, and the distance of packed rows: a panel and a tile's rows stay in the first-level cache.
pub(super) const DEPTH: usize = 208;

/// Vectors of a panel.
const VECTORS: usize = 3;

/// Elements past the end of what is packed, or packed from, that copies may touch.
pub(super) const SLACK: usize = 16;

/// What is multiplied.
pub(super) trait Number: Lane {
    /// A register of them.
    type Vector<S: Simd>: Copy;
    /// Which elements of a register count.
    type Mask<S: Simd>: Copy;

    /// Every element `x`.
    fn splat<S: Simd>(s: S, x: Self) -> Self::Vector<S>;
    /// `x * y + z`.
    fn multiply_add<S: Simd>(s: S, x: Self::Vector<S>, y: Self::Vector<S>, z: Self::Vector<S>) -> Self::Vector<S>;
    /// `x + y`.
    fn sum<S: Simd>(s: S, x: Self::Vector<S>, y: Self::Vector<S>) -> Self::Vector<S>;
    /// The first `n` elements.
    fn first<S: Simd>(s: S, n: usize) -> Self::Mask<S>;
    /// `x` where the mask says so, else zero.
    fn only<S: Simd>(s: S, mask: Self::Mask<S>, x: Self::Vector<S>) -> Self::Vector<S>;

    /// Memory of the thread, which keeps it from one call to the next.
    fn workspace<T>(f: impl FnOnce(&mut Workspace<Self>) -> T) -> T;
}

macro_rules! number {
    ($t:ident, $vector:ident, $mask:ident, $splat:ident, $fma:ident, $add:ident, $less:ident, $select:ident) => {
        impl Number for $t {
            type Vector<S: Simd> = S::$vector;
            type Mask<S: Simd> = S::$mask;

            #[inline(always)]
            fn splat<S: Simd>(s: S, x: $t) -> S::$vector {
                s.$splat(x)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(s: S, x: S::$vector, y: S::$vector, z: S::$vector) -> S::$vector {
                s.$fma(x, y, z)
            }

            #[inline(always)]
            fn sum<S: Simd>(s: S, x: S::$vector, y: S::$vector) -> S::$vector {
                s.$add(x, y)
            }

            #[inline(always)]
            fn first<S: Simd>(s: S, n: usize) -> S::$mask {
                const AT: [$t; 64] = {
                    let mut at = [0.0; 64];
                    let mut i = 0;
                    while i < 64 {
                        at[i] = i as $t;
                        i += 1;
                    }
                    at
                };
                // SAFETY: no vector has more elements.
                let at = unsafe { read::<$t, S>(AT.as_ptr()) };
                s.$less(at, s.$splat(n as $t))
            }

            #[inline(always)]
            fn only<S: Simd>(s: S, mask: S::$mask, x: S::$vector) -> S::$vector {
                // As whole numbers: of selections these are the ones that are always inlined.
                pulp::cast(s.$select(mask, pulp::cast(x), pulp::cast(s.$splat(0.0))))
            }

            fn workspace<T>(f: impl FnOnce(&mut Workspace<$t>) -> T) -> T {
                thread_local!(static KEPT: std::cell::RefCell<Workspace<$t>> = const { std::cell::RefCell::new(Workspace::new()) });
                let mut own = KEPT.with(|kept| kept.replace(Workspace::new()));
                let out = f(&mut own);
                KEPT.set(own);
                out
            }
        }
    };
}
number!(f32, f32s, m32s, splat_f32s, mul_add_e_f32s, add_f32s, less_than_f32s, select_u32s);
number!(f64, f64s, m64s, splat_f64s, mul_add_e_f64s, add_f64s, less_than_f64s, select_u64s);

/// Memory of a thread.
pub(super) struct Workspace<E> {
    pub rows: Memory<E>,
    pub panel: Memory<E>,
    pub image: Memory<E>,
    pub results: Memory<E>,
}

impl<E> Workspace<E> {
    const fn new() -> Self {
        Workspace { rows: Memory(vec![]), panel: Memory(vec![]), image: Memory(vec![]), results: Memory(vec![]) }
    }
}

/// Elements that begin where a vector may.
pub(super) struct Memory<E>(Vec<E>);

impl<E> Default for Memory<E> {
    fn default() -> Self {
        Memory(vec![])
    }
}

impl<E: Number> Memory<E> {
    /// `n` elements of any values, and [`SLACK`] after them.
    pub fn take(&mut self, n: usize) -> &mut [E] {
        let line = 64 / size_of::<E>();
        let wanted = n + SLACK + line;
        if self.0.len() < wanted {
            self.0.clear();
            self.0.resize(wanted, E::ZERO);
        }
        let from = self.0.as_ptr().align_offset(64).min(line);
        &mut self.0[from..from + n + SLACK]
    }
}

#[inline(always)]
pub(super) fn lanes<E: Number, S: Simd>() -> usize {
    size_of::<E::Vector<S>>() / size_of::<E>()
}

#[inline(always)]
pub(super) unsafe fn read<E: Number, S: Simd>(at: *const E) -> E::Vector<S> {
    // SAFETY: by the caller's promise.
    unsafe { at.cast::<E::Vector<S>>().read_unaligned() }
}

/// Columns of a panel on this machine.
pub(super) fn width<E: Number>() -> usize {
    struct Width<E>(std::marker::PhantomData<E>);
    impl<E: Number> WithSimd for Width<E> {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * lanes::<E, S>()
        }
    }
    Arch::new().dispatch(Width::<E>(std::marker::PhantomData))
}

/// Distance of a panel's rows for `n` columns: whole vectors.
pub(super) fn pitch<E: Number>(n: usize) -> usize {
    n.next_multiple_of(width::<E>() / VECTORS)
}

/// `k` steps in slices of much the same length; one slice without a step where there is none.
pub(super) fn slices(k: usize) -> impl Iterator<Item = Range<usize>> {
    let count = k.div_ceil(DEPTH).max(1);
    (0..count).map(move |i| k * i / count..k * (i + 1) / count)
}

/// Rows that are packed together by steps: see [`Rows::Steps`].
pub(super) fn together() -> usize {
    struct Together;
    impl WithSimd for Together {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            rows_of::<S>()
        }
    }
    Arch::new().dispatch(Together)
}

pub(super) const fn rows_of<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// How the rows of the left operand are packed, always for whole tiles of [`together`] rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Each by itself, [`DEPTH`] elements after the one before.
    Apart,
    /// [`together`] of them side by side, a step after the other.
    Steps,
}

/// One panel under all rows.
pub(super) struct Product<E> {
    pub rows: Rows,
    /// Rows, columns and steps.
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: *const E,
    pub b: *const E,
    /// Results, and the distance of their rows.
    pub c: *mut E,
    pub row: usize,
    /// Whether there are results already, to be added to.
    pub begun: bool,
}

impl<E: Number> Product<E> {
    /// Computes it.
    ///
    /// # Safety
    /// `a` has whole tiles of rows, `b` `k` rows of `pitch(n)` elements with `n <= width()`, and `c` `m` rows of `n`, which
    /// nobody else uses.
    pub unsafe fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Product<E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = lanes::<E, S>();
        // SAFETY: by the promise that `run` was given.
        unsafe {
            match self.n.div_ceil(lanes) {
                0 => {}
                1 => self.columns::<S, 1>(s),
                2 => self.columns::<S, 2>(s),
                _ => self.columns::<S, VECTORS>(s),
            }
        }
    }
}

impl<E: Number> Product<E> {
    #[inline(always)]
    unsafe fn columns<S: Simd, const V: usize>(&self, s: S) {
        // SAFETY: by the caller's promise.
        unsafe {
            match (self.rows, rows_of::<S>()) {
                (Rows::Apart, 8) => self.tiles::<S, V, 8, DEPTH, 1>(s),
                (Rows::Apart, _) => self.tiles::<S, V, 4, DEPTH, 1>(s),
                (Rows::Steps, 8) => self.tiles::<S, V, 8, 1, 8>(s),
                (Rows::Steps, _) => self.tiles::<S, V, 4, 1, 4>(s),
            }
        }
    }

    #[inline(always)]
    unsafe fn tiles<S: Simd, const V: usize, const R: usize, const ROW: usize, const STEP: usize>(&self, s: S) {
        for first in (0..self.m).step_by(R) {
            let left = (self.m - first).min(R);
            // SAFETY: by the caller's promise.
            unsafe {
                let a = self.a.add(first * if self.rows == Rows::Apart { DEPTH } else { self.k });
                match left {
                    1 => self.tile::<S, V, 1, ROW, STEP>(s, a, first, 1),
                    2..=4 if R > 4 => self.tile::<S, V, 4, ROW, STEP>(s, a, first, left),
                    _ => self.tile::<S, V, R, ROW, STEP>(s, a, first, left),
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const V: usize, const R: usize, const ROW: usize, const STEP: usize>(
        &self,
        s: S,
        a: *const E,
        first: usize,
        left: usize,
    ) {
        let lanes = lanes::<E, S>();
        let (mut a, mut b) = (a, self.b);
        let mut sums = [[E::splat(s, E::ZERO); V]; R];
        // SAFETY: by the caller's promise; what is stored are `n` columns of `left` rows.
        unsafe {
            for _ in 0..self.k {
                let mut columns = [E::splat(s, E::ZERO); V];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = read::<E, S>(b.add(v * lanes));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = E::splat(s, *a.add(r * ROW));
                    for (sum, &column) in sums.iter_mut().zip(&columns) {
                        *sum = E::multiply_add(s, x, column, *sum);
                    }
                }
                a = a.add(STEP);
                b = b.add(V * lanes);
            }
            // The last vector may be a part of one: it goes by way of the stack.
            let rest = self.n - (V - 1) * lanes;
            let whole = rest == lanes;
            for (r, &sums) in sums.iter().enumerate() {
                if r < left {
                    let c = self.c.add((first + r) * self.row);
                    for (v, &sum) in sums.iter().enumerate() {
                        if whole || v + 1 < V {
                            let c = c.add(v * lanes);
                            let sum = if self.begun { E::sum(s, read::<E, S>(c), sum) } else { sum };
                            c.cast::<E::Vector<S>>().write_unaligned(sum);
                        }
                    }
                }
            }
            if !whole {
                let last: [E::Vector<S>; R] = std::array::from_fn(|r| sums[r][V - 1]);
                for (r, last) in last.iter().enumerate().take(left) {
                    let last = (&raw const *last).cast::<E>();
                    let c = self.c.add((first + r) * self.row + (V - 1) * lanes);
                    for i in 0..rest {
                        *c.add(i) = if self.begun { *c.add(i) + *last.add(i) } else { *last.add(i) };
                    }
                }
            }
        }
    }
}
