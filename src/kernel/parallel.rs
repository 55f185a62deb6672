//! Work across the cores of the CPU device.

use rayon::prelude::*;
use std::ops::Range;

/// Below this many element operations a second thread costs more than it saves.
const GRAIN: usize = 32 * 1024;

/// Runs `f` over parts of `0..n`, in parallel where `n * cost` is worth it; parts start at multiples of `align`.
pub(super) fn ranges(n: usize, cost: usize, align: usize, f: impl Fn(Range<usize>) + Sync) {
    let threads = rayon::current_num_threads();
    let work = n.saturating_mul(cost.max(1));
    if threads == 1 || work <= GRAIN {
        f(0..n);
        return;
    }
    // A few parts a thread, so that a slow one is made up for.
    let parts = (work / GRAIN).clamp(1, threads * 4);
    let step = n.div_ceil(parts).next_multiple_of(align.max(1));
    (0..n.div_ceil(step)).into_par_iter().for_each(|i| f(i * step..((i + 1) * step).min(n)));
}

/// Shares a mutable slice between threads that write disjoint ranges.
pub(super) struct Disjoint<'a, E> {
    at: *mut E,
    len: usize,
    slice: std::marker::PhantomData<&'a mut [E]>,
}

// SAFETY: `range` hands out parts whose disjointness its callers promise.
unsafe impl<E: Send> Sync for Disjoint<'_, E> {}

impl<'a, E> Disjoint<'a, E> {
    pub fn new(slice: &'a mut [E]) -> Self {
        Disjoint { at: slice.as_mut_ptr(), len: slice.len(), slice: std::marker::PhantomData }
    }

    /// # Safety
    /// No two ranges that are alive at once overlap.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn range(&self, range: Range<usize>) -> &mut [E] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: in bounds, and disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(range.start), range.end - range.start) }
    }

    /// Where the elements from `at` on lie.
    ///
    /// # Safety
    /// What is written there is written by nobody else.
    pub unsafe fn pointer(&self, at: usize) -> *mut E {
        assert!(at <= self.len);
        // SAFETY: in bounds.
        unsafe { self.at.add(at) }
    }
}
