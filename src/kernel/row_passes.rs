//! Passes over rows in memory on the CPU, in vectors of whatever width there is: several sums at a time, since one would
//! wait for itself, then these in pairs.

use super::elementwise::Lane;
use pulp::{Arch, NullaryFnOnce};

/// Elements that are folded side by side.
const LANES: usize = 64;

/// Elements that are folded in their own type.
pub(super) const BLOCK: usize = 2048;

/// How two values become one.
pub(super) trait Fold<R>: Copy {
    fn start(self) -> R;
    fn fold(self, a: R, b: R) -> R;
}

/// The sum.
#[derive(Clone, Copy)]
pub(super) struct Sum;
/// The product.
#[derive(Clone, Copy)]
pub(super) struct Prod;
/// The largest value, NaN above all.
#[derive(Clone, Copy)]
pub(super) struct Max;
/// The smallest value, NaN below all.
#[derive(Clone, Copy)]
pub(super) struct Min;

macro_rules! folds {
    ($($fold:ident: $start:ident, |$a:ident, $b:ident| $value:expr;)*) => {$(
        impl<R: Lane> Fold<R> for $fold {
            #[inline(always)]
            fn start(self) -> R {
                R::$start
            }
            #[inline(always)]
            fn fold(self, $a: R, $b: R) -> R {
                $value
            }
        }
    )*};
}
folds! {
    Sum: ZERO, |a, b| a + b;
    Prod: ONE, |a, b| a * b;
    Max: NEG_INFINITY, |a, b| R::max(a, b);
    Min: INFINITY, |a, b| R::min(a, b);
}

/// All of a row as one value.
pub(super) fn folded<R: Lane, F: Fold<R>>(fold: F, row: &[R]) -> R {
    struct Pass<'a, R, F>(F, &'a [R]);
    impl<R: Lane, F: Fold<R>> NullaryFnOnce for Pass<'_, R, F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            fold_row(self.0, self.1)
        }
    }
    Arch::new().dispatch(Pass(fold, row))
}

/// Each row by itself: blocks in the row's type, these in `f64`.
pub(super) fn fold_rows<R: Lane>(fold: impl Fold<R> + Fold<f64>, rows: &[R], length: usize, out: &mut [f64]) {
    struct Pass<'a, R, F>(F, &'a [R], usize, &'a mut [f64]);
    impl<R: Lane, F: Fold<R> + Fold<f64>> NullaryFnOnce for Pass<'_, R, F> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Pass(fold, rows, length, out) = self;
            for (out, row) in out.iter_mut().zip(rows.chunks_exact(length)) {
                *out = Fold::<f64>::start(fold);
                for block in row.chunks(BLOCK) {
                    *out = fold.fold(*out, fold_row(fold, block).to_f64());
                }
            }
        }
    }
    Arch::new().dispatch(Pass(fold, rows, length, out));
}

#[inline(always)]
pub(super) fn fold_row<R: Lane, F: Fold<R>>(fold: F, row: &[R]) -> R {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let (few, rest) = rest.as_chunks::<8>();
    let mut lanes = [fold.start(); LANES];
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = fold.fold(*lane, v);
        }
    }
    for chunk in few {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = fold.fold(*lane, v);
        }
    }
    rest.iter().fold(joined(fold, lanes), |a, &b| fold.fold(a, b))
}

/// The lanes of a row as one value.
#[inline(always)]
fn joined<R: Lane, F: Fold<R>>(fold: F, lanes: [R; LANES]) -> R {
    // In memory, or the compiler takes the array apart into single values and loses the vectors of the loops above;
    // lengths are constants, so that the loops below become single instructions.
    let lanes = std::hint::black_box(lanes);
    let (mut sixteen, mut four) = ([fold.start(); 16], [fold.start(); 4]);
    for (i, lane) in sixteen.iter_mut().enumerate() {
        *lane = fold.fold(fold.fold(lanes[i], lanes[i + 16]), fold.fold(lanes[i + 32], lanes[i + 48]));
    }
    for (i, lane) in four.iter_mut().enumerate() {
        *lane = fold.fold(fold.fold(sixteen[i], sixteen[i + 4]), fold.fold(sixteen[i + 8], sixteen[i + 12]));
    }
    fold.fold(fold.fold(four[0], four[1]), fold.fold(four[2], four[3]))
}

/// The sum of a row: of blocks in its type, these in `f64`.
#[inline(always)]
pub(super) fn total<R: Lane>(row: &[R]) -> f64 {
    row.chunks(BLOCK).map(|block| fold_row(Sum, block).to_f64()).sum()
}

/// The sum of products of two rows of one length, likewise.
#[inline(always)]
pub(super) fn dot<R: Lane>(a: &[R], b: &[R]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [R::ZERO; LANES];
        let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += a * b;
            }
        }
        for ((lane, &a), &b) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
            *lane += a * b;
        }
        sum += joined(Sum, lanes).to_f64();
    }
    sum
}

/// Where a row's largest value is, the first of equals, or its smallest; NaN counts as both. Rows have an element.
pub(super) fn position<R: Lane>(row: &[R], largest: bool) -> usize {
    struct Find<'a, R>(&'a [R], R);
    impl<R: Lane> NullaryFnOnce for Find<'_, R> {
        type Output = usize;
        #[inline(always)]
        fn call(self) -> usize {
            let Find(row, value) = self;
            let nan = value.is_nan();
            let is_it = |v: R| (v == value) | (nan & v.is_nan());
            for (i, chunk) in row.chunks(LANES).enumerate() {
                let found = chunk.iter().fold(false, |found, &v| found | is_it(v));
                if found {
                    return i * LANES + chunk.iter().position(|&v| is_it(v)).expect("it is among these");
                }
            }
            unreachable!("the extreme of a row is one of its elements")
        }
    }
    let value = if largest { folded(Max, row) } else { folded(Min, row) };
    Arch::new().dispatch(Find(row, value))
}

/// `sums[i] = fold(sums[i], row[i])` for rows that lie one after the other.
pub(super) fn fold_columns<R: Lane>(rows: &[R], sums: &mut [f64], fold: impl Fold<f64>) {
    struct Pass<'a, R, F>(&'a [R], &'a mut [f64], F);
    impl<R: Lane, F: Fold<f64>> NullaryFnOnce for Pass<'_, R, F> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            for row in self.0.chunks(self.1.len()) {
                for (sum, &v) in self.1.iter_mut().zip(row) {
                    *sum = self.2.fold(*sum, v.to_f64());
                }
            }
        }
    }
    Arch::new().dispatch(Pass(rows, sums, fold));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_length_fold_to_what_loops_say() {
        for n in (0..40usize).chain([63, 64, 65, 100, 127, 128, 200, 1000, 5000]) {
            let row: Vec<f64> = (0..n).map(|i| f64::from((i * 37 % 101) as u32) - 50.0).collect();
            assert_eq!(folded(Sum, &row), row.iter().sum::<f64>());
            if n > 0 {
                let (rows, mut sums) = (row.repeat(3), [f64::NAN; 3]);
                fold_rows(Sum, &rows, n, &mut sums);
                assert_eq!(sums, [row.iter().sum::<f64>(); 3]);
            }
            assert_eq!(folded(Max, &row), row.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(folded(Min, &row), row.iter().copied().fold(f64::INFINITY, f64::min));
            let near: Vec<f64> = (0..n).map(|i| 1.0 + f64::from(i as u32 % 3) / 64.0).collect();
            let product: f64 = near.iter().product();
            assert!((folded(Prod, &near) - product).abs() <= 1e-12 * product);
            for at in [0, n / 2, n.saturating_sub(1)].into_iter().filter(|&at| at < n) {
                let mut one = row.clone();
                one[at] = 1000.0;
                assert_eq!(position(&one, true), at);
                one[at] = -1000.0;
                assert_eq!(position(&one, false), at);
                one[at] = f64::NAN;
                assert_eq!((position(&one, true), position(&one, false)), (at, at));
                assert!(folded(Max, &one).is_nan() && folded(Min, &one).is_nan());
            }
        }
        assert_eq!(position(&[1.0f32, 7.0, 7.0], true), 1);
        assert_eq!(position(&[f32::NEG_INFINITY; 3], true), 0);
    }
}
