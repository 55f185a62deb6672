//! Products of a few rows with many on the CPU: bound by reading the many once.

use super::cpu::Matrix;
use crate::kernel::tiles::Number;
use pulp::{Arch, NullaryFnOnce};

/// Results that are added to side by side where neighbours of the many lie along them.
const BLOCK: usize = 1024;

/// Hands `put(i, j, sum over t of few[i][t] * many[j][t])` for all `i` and `j`.
///
/// # Safety
/// The matrices lie in valid memory: rows of `k` steps, as many as said.
pub(super) unsafe fn multiply<E: Number>(
    (few, count): (Matrix<E>, usize),
    (many, rows): (Matrix<E>, usize),
    k: usize,
    mut put: impl FnMut(usize, usize, E),
) {
    E::workspace(|own| {
        let few_rows = own.rows.take(count * k);
        for (i, row) in few_rows.chunks_exact_mut(k.max(1)).take(count).enumerate() {
            // SAFETY: by the caller's promise.
            row.iter_mut().enumerate().for_each(|(t, v)| *v = unsafe { few.element(i, t) });
        }
        let few_rows = &few_rows[..count * k];
        if many.row == 1 && many.step >= 0 && rows > 1 {
            for first in (0..rows).step_by(BLOCK) {
                let n = BLOCK.min(rows - first);
                // SAFETY: the steps of a block of neighbours, by the caller's promise.
                let block = unsafe { many.from(first) };
                let (steps, apart) = unsafe { block.slice(n, k) }.expect("rows that are neighbours");
                for i in 0..count {
                    let sums = &mut own.results.take(n)[..n];
                    Arch::new().dispatch(Along { few: &few_rows[i * k..(i + 1) * k], steps, apart, sums: &mut *sums });
                    sums.iter().enumerate().for_each(|(j, &sum)| put(i, first + j, sum));
                }
            }
            return;
        }
        for j in 0..rows {
            // SAFETY: by the caller's promise.
            let row = unsafe {
                if many.step == 1 {
                    std::slice::from_raw_parts(many.from(j).at, k)
                } else {
                    let copy = own.panel.take(k);
                    copy[..k].iter_mut().enumerate().for_each(|(t, v)| *v = many.element(j, t));
                    &copy[..k]
                }
            };
            for i in 0..count {
                put(i, j, Arch::new().dispatch(Dot(&few_rows[i * k..(i + 1) * k], row)));
            }
        }
    });
}

struct Dot<'a, E>(&'a [E], &'a [E]);

impl<E: Number> NullaryFnOnce for Dot<'_, E> {
    type Output = E;

    #[inline(always)]
    fn call(self) -> E {
        const LANES: usize = 64;
        let mut lanes = [E::ZERO; LANES];
        let ((a, a_rest), (b, b_rest)) = (self.0.as_chunks::<LANES>(), self.1.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += a * b;
            }
        }
        for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
            *lane += a * b;
        }
        crate::kernel::row_passes::fold_row(crate::kernel::row_passes::Sum, &lanes)
    }
}

/// `sums[j] = sum over t of few[t] * steps[t * apart + j]`.
struct Along<'a, E> {
    few: &'a [E],
    steps: &'a [E],
    apart: usize,
    sums: &'a mut [E],
}

impl<E: Number> NullaryFnOnce for Along<'_, E> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let n = self.sums.len();
        self.sums.fill(E::ZERO);
        // Four steps at a time: sums are read and written once for them.
        let (fours, rest) = self.few.as_chunks::<4>();
        for (t, few) in fours.iter().enumerate() {
            let step = |i: usize| &self.steps[(4 * t + i) * self.apart..][..n];
            let (a, b, c, d) = (step(0), step(1), step(2), step(3));
            for ((((sum, &a), &b), &c), &d) in self.sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum += (few[0] * a + few[1] * b) + (few[2] * c + few[3] * d);
            }
        }
        for (t, &few) in rest.iter().enumerate() {
            let step = &self.steps[(4 * fours.len() + t) * self.apart..][..n];
            self.sums.iter_mut().zip(step).for_each(|(sum, &v)| *sum += few * v);
        }
    }
}
