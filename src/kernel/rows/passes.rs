//! Softmax of a row in memory, and its gradient.

use super::super::{
    elementwise::Lane,
    row_passes::{Max, Sum, dot, fold_row, total},
};
use pulp::{Arch, NullaryFnOnce};

/// Exponentials that are added up side by side.
const LANES: usize = 32;

/// The largest value and the sum of `exp(x - largest)`.
pub(in crate::kernel) fn largest_and_sum<R: Lane>(row: &[R]) -> (R, R) {
    struct Pass<'a, R>(&'a [R]);
    impl<R: Lane> NullaryFnOnce for Pass<'_, R> {
        type Output = (R, R);
        #[inline(always)]
        fn call(self) -> (R, R) {
            let largest = fold_row(Max, self.0);
            let mut sums = [R::ZERO; LANES];
            let (head, tail) = self.0.as_chunks::<LANES>();
            for chunk in head {
                for (s, &v) in sums.iter_mut().zip(chunk) {
                    *s += R::exp_nonpositive(v - largest);
                }
            }
            for (s, &v) in sums.iter_mut().zip(tail) {
                *s += R::exp_nonpositive(v - largest);
            }
            (largest, fold_row(Sum, &sums))
        }
    }
    Arch::new().dispatch(Pass(row))
}

/// A row of softmax or its logarithm; the exponentials are computed once.
pub(super) fn normalise<R: Lane>(x: &[R], y: &mut [R], log: bool) {
    /// Exponentials of distances from the largest value, divided by their sum.
    struct Softmax<'a, R>(&'a [R], &'a mut [R]);
    impl<R: Lane> NullaryFnOnce for Softmax<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Softmax(x, y) = self;
            let largest = fold_row(Max, x);
            let mut sums = [R::ZERO; LANES];
            let (head, tail) = x.as_chunks::<LANES>();
            let (to_head, to_tail) = y.split_at_mut(head.len() * LANES);
            for (to, from) in to_head.as_chunks_mut::<LANES>().0.iter_mut().zip(head) {
                for ((y, &x), sum) in to.iter_mut().zip(from).zip(&mut sums) {
                    *y = R::exp_nonpositive(x - largest);
                    *sum += *y;
                }
            }
            for ((y, &x), sum) in to_tail.iter_mut().zip(tail).zip(&mut sums) {
                *y = R::exp_nonpositive(x - largest);
                *sum += *y;
            }
            let scale = R::ONE / fold_row(Sum, &sums);
            y.iter_mut().for_each(|y| *y *= scale);
        }
    }
    /// In this order: the sum of both is as coarse as the largest value.
    struct Distances<'a, R>(&'a [R], &'a mut [R], R, R);
    impl<R: Lane> NullaryFnOnce for Distances<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Distances(x, y, largest, log_sum) = self;
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - largest) - log_sum);
        }
    }
    if log {
        let (largest, sum) = largest_and_sum(x);
        Arch::new().dispatch(Distances(x, y, largest, R::ln(sum)));
    } else {
        Arch::new().dispatch(Softmax(x, y));
    }
}

/// The gradient of a row of softmax: `y * (gy - sum(y * gy))`.
struct Gradient<'a, R>(&'a [R], &'a [R], &'a mut [R]);

impl<R: Lane> NullaryFnOnce for Gradient<'_, R> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Gradient(y, gy, gx) = self;
        let total = R::of(dot(y, gy));
        gx.iter_mut().zip(y).zip(gy).for_each(|((gx, &y), &gy)| *gx = y * (gy - total));
    }
}

/// The gradient of its logarithm: `gy - exp(y) * sum(gy)`.
struct LogGradient<'a, R>(&'a [R], &'a [R], &'a mut [R]);

impl<R: Lane> NullaryFnOnce for LogGradient<'_, R> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let LogGradient(y, gy, gx) = self;
        let total = R::of(total(gy));
        gx.iter_mut().zip(y).zip(gy).for_each(|((gx, &y), &gy)| *gx = gy - R::exp_nonpositive(y) * total);
    }
}

/// The gradient to a row from its softmax `y`, or the logarithm of it.
pub(super) fn gradient<R: Lane>(y: &[R], gy: &[R], gx: &mut [R], log: bool) {
    if log {
        Arch::new().dispatch(LogGradient(y, gy, gx));
    } else {
        Arch::new().dispatch(Gradient(y, gy, gx));
    }
}
