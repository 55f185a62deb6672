//! The matrices, as sums that take the fewest steps, and what they make of tiles of vectors.

use crate::kernel::{
    convolution::vectors::{less, scaled, sum, times},
    tiles::Number,
};
use pulp::Simd;

/// Tiles of `M` by `M` results, `N = M + 2` the side of what they are computed from: each matrix times a vector.
pub(super) trait Tile<E: Number, const M: usize, const N: usize> {
    /// `B' x`, for pixels.
    fn pixels<S: Simd>(s: S, x: [E::Vector<S>; N]) -> [E::Vector<S>; N];
    /// `G x`, for filters.
    fn filters<S: Simd>(s: S, x: [E::Vector<S>; 3]) -> [E::Vector<S>; N];
    /// `B x`, for gradients of pixels.
    fn spread<S: Simd>(s: S, x: [E::Vector<S>; N]) -> [E::Vector<S>; N];
    /// `A' x`, for results.
    fn results<S: Simd>(s: S, x: [E::Vector<S>; N]) -> [E::Vector<S>; M];
    /// `A x`, for gradients of results.
    fn gradients<S: Simd>(s: S, x: [E::Vector<S>; M]) -> [E::Vector<S>; N];
    /// `G' x`, for gradients of filters.
    fn taps<S: Simd>(s: S, x: [E::Vector<S>; N]) -> [E::Vector<S>; 3];
}

/// Tiles by the points 0, 1, -1 and infinity.
pub(super) struct Two;
impl<E: Number> Tile<E, 2, 4> for Two {
    /// `1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1`
    #[inline(always)]
    fn pixels<S: Simd>(s: S, [a, b, c, d]: [E::Vector<S>; 4]) -> [E::Vector<S>; 4] {
        [less::<E, S>(s, a, c), sum::<E, S>(s, b, c), less::<E, S>(s, c, b), less::<E, S>(s, b, d)]
    }

    /// `1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1`
    #[inline(always)]
    fn filters<S: Simd>(s: S, [a, b, c]: [E::Vector<S>; 3]) -> [E::Vector<S>; 4] {
        let outer = scaled::<E, S>(s, 0.5, sum::<E, S>(s, a, c));
        [a, times::<E, S>(s, 0.5, b, outer), times::<E, S>(s, -0.5, b, outer), c]
    }

    /// `1 0 0 0; 0 1 -1 1; -1 1 1 0; 0 0 0 -1`
    #[inline(always)]
    fn spread<S: Simd>(s: S, [a, b, c, d]: [E::Vector<S>; 4]) -> [E::Vector<S>; 4] {
        let (sum_of, less_of) = (sum::<E, S>(s, b, c), less::<E, S>(s, b, c));
        [a, sum::<E, S>(s, less_of, d), less::<E, S>(s, sum_of, a), scaled::<E, S>(s, -1.0, d)]
    }

    /// `1 1 1 0; 0 1 -1 -1`
    #[inline(always)]
    fn results<S: Simd>(s: S, [a, b, c, d]: [E::Vector<S>; 4]) -> [E::Vector<S>; 2] {
        [sum::<E, S>(s, a, sum::<E, S>(s, b, c)), less::<E, S>(s, less::<E, S>(s, b, c), d)]
    }

    /// `1 0; 1 1; 1 -1; 0 -1`
    #[inline(always)]
    fn gradients<S: Simd>(s: S, [a, b]: [E::Vector<S>; 2]) -> [E::Vector<S>; 4] {
        [a, sum::<E, S>(s, a, b), less::<E, S>(s, a, b), scaled::<E, S>(s, -1.0, b)]
    }

    /// `1 1/2 1/2 0; 0 1/2 -1/2 0; 0 1/2 1/2 1`
    #[inline(always)]
    fn taps<S: Simd>(s: S, [a, b, c, d]: [E::Vector<S>; 4]) -> [E::Vector<S>; 3] {
        let (even, odd) = (sum::<E, S>(s, b, c), less::<E, S>(s, b, c));
        [times::<E, S>(s, 0.5, even, a), scaled::<E, S>(s, 0.5, odd), times::<E, S>(s, 0.5, even, d)]
    }
}

/// Tiles by the points 0, 1, -1, 2, -2 and infinity.
pub(super) struct Four;
impl<E: Number> Tile<E, 4, 6> for Four {
    /// `4 0 -5 0 1 0; 0 -4 -4 1 1 0; 0 4 -4 -1 1 0; 0 -2 -1 2 1 0; 0 2 -1 -2 1 0; 0 4 0 -5 0 1`
    #[inline(always)]
    fn pixels<S: Simd>(s: S, [a, b, c, d, e, f]: [E::Vector<S>; 6]) -> [E::Vector<S>; 6] {
        let (even, odd) = (times::<E, S>(s, -4.0, c, e), times::<E, S>(s, -4.0, b, d));
        let (near, far) = (less::<E, S>(s, e, c), less::<E, S>(s, d, b));
        [
            times::<E, S>(s, 4.0, a, times::<E, S>(s, -5.0, c, e)),
            sum::<E, S>(s, even, odd),
            less::<E, S>(s, even, odd),
            times::<E, S>(s, 2.0, far, near),
            times::<E, S>(s, -2.0, far, near),
            times::<E, S>(s, 4.0, b, times::<E, S>(s, -5.0, d, f)),
        ]
    }

    /// `1/4 0 0; -1/6 -1/6 -1/6; -1/6 1/6 -1/6; 1/24 1/12 1/6; 1/24 -1/12 1/6; 0 0 1`
    #[inline(always)]
    fn filters<S: Simd>(s: S, [a, b, c]: [E::Vector<S>; 3]) -> [E::Vector<S>; 6] {
        let outer = scaled::<E, S>(s, -1.0 / 6.0, sum::<E, S>(s, a, c));
        let wide = times::<E, S>(s, 1.0 / 24.0, a, scaled::<E, S>(s, 1.0 / 6.0, c));
        [
            scaled::<E, S>(s, 0.25, a),
            times::<E, S>(s, -1.0 / 6.0, b, outer),
            times::<E, S>(s, 1.0 / 6.0, b, outer),
            times::<E, S>(s, 1.0 / 12.0, b, wide),
            times::<E, S>(s, -1.0 / 12.0, b, wide),
            c,
        ]
    }

    /// `4 0 0 0 0 0; 0 -4 4 -2 2 4; -5 -4 -4 -1 -1 0; 0 1 -1 2 -2 -5; 1 1 1 1 1 0; 0 0 0 0 0 1`
    #[inline(always)]
    fn spread<S: Simd>(s: S, [a, b, c, d, e, f]: [E::Vector<S>; 6]) -> [E::Vector<S>; 6] {
        let (near, far) = (sum::<E, S>(s, b, c), sum::<E, S>(s, d, e));
        let (slope, steep) = (less::<E, S>(s, b, c), less::<E, S>(s, d, e));
        [
            scaled::<E, S>(s, 4.0, a),
            times::<E, S>(s, -4.0, slope, times::<E, S>(s, -2.0, steep, scaled::<E, S>(s, 4.0, f))),
            times::<E, S>(s, -5.0, a, times::<E, S>(s, -4.0, near, scaled::<E, S>(s, -1.0, far))),
            times::<E, S>(s, 2.0, steep, times::<E, S>(s, -5.0, f, slope)),
            sum::<E, S>(s, a, sum::<E, S>(s, near, far)),
            f,
        ]
    }

    /// `1 1 1 1 1 0; 0 1 -1 2 -2 0; 0 1 1 4 4 0; 0 1 -1 8 -8 1`
    #[inline(always)]
    fn results<S: Simd>(s: S, [a, b, c, d, e, f]: [E::Vector<S>; 6]) -> [E::Vector<S>; 4] {
        let (near, far) = (sum::<E, S>(s, b, c), sum::<E, S>(s, d, e));
        let (slope, steep) = (less::<E, S>(s, b, c), less::<E, S>(s, d, e));
        [
            sum::<E, S>(s, a, sum::<E, S>(s, near, far)),
            times::<E, S>(s, 2.0, steep, slope),
            times::<E, S>(s, 4.0, far, near),
            times::<E, S>(s, 8.0, steep, sum::<E, S>(s, slope, f)),
        ]
    }

    /// `1 0 0 0; 1 1 1 1; 1 -1 1 -1; 1 2 4 8; 1 -2 4 -8; 0 0 0 1`
    #[inline(always)]
    fn gradients<S: Simd>(s: S, [a, b, c, d]: [E::Vector<S>; 4]) -> [E::Vector<S>; 6] {
        let (even, odd) = (sum::<E, S>(s, a, c), sum::<E, S>(s, b, d));
        let (far, steep) = (times::<E, S>(s, 4.0, c, a), times::<E, S>(s, 4.0, d, b));
        [
            a,
            sum::<E, S>(s, even, odd),
            less::<E, S>(s, even, odd),
            times::<E, S>(s, 2.0, steep, far),
            times::<E, S>(s, -2.0, steep, far),
            d,
        ]
    }

    /// `1/4 -1/6 -1/6 1/24 1/24 0; 0 -1/6 1/6 1/12 -1/12 0; 0 -1/6 -1/6 1/6 1/6 1`
    #[inline(always)]
    fn taps<S: Simd>(s: S, [a, b, c, d, e, f]: [E::Vector<S>; 6]) -> [E::Vector<S>; 3] {
        let (near, far) = (sum::<E, S>(s, b, c), sum::<E, S>(s, d, e));
        let (slope, steep) = (less::<E, S>(s, c, b), less::<E, S>(s, d, e));
        let begin = times::<E, S>(s, -1.0 / 6.0, near, scaled::<E, S>(s, 0.25, a));
        [
            times::<E, S>(s, 1.0 / 24.0, far, begin),
            times::<E, S>(s, 1.0 / 12.0, steep, scaled::<E, S>(s, 1.0 / 6.0, slope)),
            times::<E, S>(s, 1.0 / 6.0, less::<E, S>(s, far, near), f),
        ]
    }
}

/// A matrix times a tile times the matrix turned: `$one` for each row, then for each column.
macro_rules! both {
    ($s:expr, $one:path, $tile:expr, $from:expr, $to:expr, $zero:expr) => {{
        let (tile, mut rows, mut out) = ($tile, [[$zero; $to]; $from], [[$zero; $to]; $to]);
        for r in 0..$from {
            rows[r] = $one($s, tile[r]);
        }
        for c in 0..$to {
            let mut column = [$zero; $from];
            for r in 0..$from {
                column[r] = rows[r][c];
            }
            let column = $one($s, column);
            for r in 0..$to {
                out[r][c] = column[r];
            }
        }
        out
    }};
}
pub(super) use both;
