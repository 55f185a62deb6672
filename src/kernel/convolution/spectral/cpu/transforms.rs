//! Fourier transforms of sixteen vectors, element by element, as sums of four sums of four.

use super::super::{HALF, SIDE};
use crate::kernel::{
    convolution::vectors::{less, scaled, sum, times},
    tiles::Number,
};
use pulp::Simd;
use std::f64::consts::FRAC_1_SQRT_2 as DIAGONAL;

/// Real and imaginary parts.
type Complex<E, S> = [<E as Number>::Vector<S>; 2];

/// A real element, one that is not, and a real one.
type Quarter<E, S> = (<E as Number>::Vector<S>, Complex<E, S>, <E as Number>::Vector<S>);

/// What inverse transforms along both axes are too large by, turned around.
const ONE: f64 = 1.0 / (SIDE * SIDE) as f64;
const TWO: f64 = 2.0 * ONE;

/// Cosine and sine of a sixteenth of a turn.
const COS: f64 = 0.923_879_532_511_286_7;
const SIN: f64 = 0.382_683_432_365_089_8;

/// `x (cos - i sin)`.
#[inline(always)]
fn turned<E: Number, S: Simd>(s: S, cos: f64, sin: f64, [re, im]: Complex<E, S>) -> Complex<E, S> {
    [times::<E, S>(s, sin, im, scaled::<E, S>(s, cos, re)), times::<E, S>(s, -sin, re, scaled::<E, S>(s, cos, im))]
}

#[inline(always)]
fn conjugate<E: Number, S: Simd>(s: S, [re, im]: Complex<E, S>) -> Complex<E, S> {
    [re, scaled::<E, S>(s, -1.0, im)]
}

/// The transform of four: `y[k] = sum over j of x[j] (-i)^(j k)`.
#[inline(always)]
fn four<E: Number, S: Simd>(s: S, [a, b, c, d]: [Complex<E, S>; 4]) -> [Complex<E, S>; 4] {
    let (even_re, even_im) = (sum::<E, S>(s, a[0], c[0]), sum::<E, S>(s, a[1], c[1]));
    let (far_re, far_im) = (less::<E, S>(s, a[0], c[0]), less::<E, S>(s, a[1], c[1]));
    let (odd_re, odd_im) = (sum::<E, S>(s, b[0], d[0]), sum::<E, S>(s, b[1], d[1]));
    let (near_re, near_im) = (less::<E, S>(s, b[0], d[0]), less::<E, S>(s, b[1], d[1]));
    [
        [sum::<E, S>(s, even_re, odd_re), sum::<E, S>(s, even_im, odd_im)],
        [sum::<E, S>(s, far_re, near_im), less::<E, S>(s, far_im, near_re)],
        [less::<E, S>(s, even_re, odd_re), less::<E, S>(s, even_im, odd_im)],
        [less::<E, S>(s, far_re, near_im), sum::<E, S>(s, far_im, near_re)],
    ]
}

/// `y[k] = sum over n of x[n] exp(-2 pi i n k / 16)`, real and imaginary parts apart. With the parts of both exchanged it is
/// the inverse, 16 times too large.
#[inline(always)]
pub(super) fn fourier<E: Number, S: Simd>(
    s: S,
    re: &[E::Vector<S>; SIDE],
    im: &[E::Vector<S>; SIDE],
) -> [[E::Vector<S>; SIDE]; 2] {
    let [a0, a1, a2, a3] = four::<E, S>(s, [[re[0], im[0]], [re[4], im[4]], [re[8], im[8]], [re[12], im[12]]]);
    let [b0, b1, b2, b3] = four::<E, S>(s, [[re[1], im[1]], [re[5], im[5]], [re[9], im[9]], [re[13], im[13]]]);
    let [c0, c1, c2, c3] = four::<E, S>(s, [[re[2], im[2]], [re[6], im[6]], [re[10], im[10]], [re[14], im[14]]]);
    let [d0, d1, d2, d3] = four::<E, S>(s, [[re[3], im[3]], [re[7], im[7]], [re[11], im[11]], [re[15], im[15]]]);
    let b1 = turned::<E, S>(s, COS, SIN, b1);
    let c1 = turned::<E, S>(s, DIAGONAL, DIAGONAL, c1);
    let d1 = turned::<E, S>(s, SIN, COS, d1);
    let b2 = turned::<E, S>(s, DIAGONAL, DIAGONAL, b2);
    let c2 = [c2[1], scaled::<E, S>(s, -1.0, c2[0])];
    let d2 = turned::<E, S>(s, -DIAGONAL, DIAGONAL, d2);
    let b3 = turned::<E, S>(s, SIN, COS, b3);
    let c3 = turned::<E, S>(s, -DIAGONAL, DIAGONAL, c3);
    let d3 = turned::<E, S>(s, -COS, -SIN, d3);
    let [y0, y4, y8, y12] = four::<E, S>(s, [a0, b0, c0, d0]);
    let [y1, y5, y9, y13] = four::<E, S>(s, [a1, b1, c1, d1]);
    let [y2, y6, y10, y14] = four::<E, S>(s, [a2, b2, c2, d2]);
    let [y3, y7, y11, y15] = four::<E, S>(s, [a3, b3, c3, d3]);
    let part = [y0, y1, y2, y3, y4, y5, y6, y7, y8, y9, y10, y11, y12, y13, y14, y15];
    let (mut re, mut im) = (*re, *im);
    for k in 0..SIDE {
        (re[k], im[k]) = (part[k][0], part[k][1]);
    }
    [re, im]
}

/// The first nine of [`fourier`]'s results for real numbers.
#[inline(always)]
pub(super) fn real<E: Number, S: Simd>(s: S, x: &[E::Vector<S>; SIDE]) -> [Complex<E, S>; HALF] {
    let ((f0, g0, h0), (f1, g1, h1)) = (quarter::<E, S>(s, x, 0), quarter::<E, S>(s, x, 1));
    let ((f2, g2, h2), (f3, g3, h3)) = (quarter::<E, S>(s, x, 2), quarter::<E, S>(s, x, 3));
    let zero = E::splat(s, E::ZERO);
    let (even, odd) = (sum::<E, S>(s, f0, f2), sum::<E, S>(s, f1, f3));
    let y0 = [sum::<E, S>(s, even, odd), zero];
    let y4 = [less::<E, S>(s, f0, f2), less::<E, S>(s, f3, f1)];
    let y8 = [less::<E, S>(s, even, odd), zero];
    let (near, far) = (less::<E, S>(s, h1, h3), sum::<E, S>(s, h1, h3));
    let back = scaled::<E, S>(s, -1.0, h2);
    let y2 = [times::<E, S>(s, DIAGONAL, near, h0), times::<E, S>(s, -DIAGONAL, far, back)];
    let y6 = [times::<E, S>(s, -DIAGONAL, near, h0), times::<E, S>(s, -DIAGONAL, far, h2)];
    let g1 = turned::<E, S>(s, COS, SIN, g1);
    let g2 = turned::<E, S>(s, DIAGONAL, DIAGONAL, g2);
    let g3 = turned::<E, S>(s, SIN, COS, g3);
    let [y1, y5, y9, y13] = four::<E, S>(s, [g0, g1, g2, g3]);
    [y0, y1, y2, conjugate::<E, S>(s, y13), y4, y5, y6, conjugate::<E, S>(s, y9), y8]
}

/// Of `x[b], x[b + 4], ..` the first three elements of the transform, of which two are real.
#[inline(always)]
fn quarter<E: Number, S: Simd>(s: S, x: &[E::Vector<S>; SIDE], b: usize) -> Quarter<E, S> {
    let (even, odd) = (sum::<E, S>(s, x[b], x[b + 8]), sum::<E, S>(s, x[b + 4], x[b + 12]));
    let one = [less::<E, S>(s, x[b], x[b + 8]), less::<E, S>(s, x[b + 12], x[b + 4])];
    (sum::<E, S>(s, even, odd), one, less::<E, S>(s, even, odd))
}

/// The inverse of [`real`] for a tile whose other axis was taken back by [`fourier`].
#[inline(always)]
pub(super) fn numbers<E: Number, S: Simd>(s: S, y: &[Complex<E, S>; HALF]) -> [E::Vector<S>; SIDE] {
    const ROOT: f64 = 2.0 * DIAGONAL * ONE;
    let [y0, y1, y2, y3, y4, y5, y6, y7, y8] = *y;
    // Elements 0, 4, 8 and 12.
    let even = scaled::<E, S>(s, ONE, sum::<E, S>(s, y0[0], y8[0]));
    let odd = scaled::<E, S>(s, ONE, less::<E, S>(s, y0[0], y8[0]));
    let a0 = times::<E, S>(s, TWO, y4[0], even);
    let a1 = times::<E, S>(s, -TWO, y4[1], odd);
    let a2 = times::<E, S>(s, -TWO, y4[0], even);
    let a3 = times::<E, S>(s, TWO, y4[1], odd);
    // Elements 2, 6, 10 and 14.
    let (re, im) = (less::<E, S>(s, y2[0], y6[0]), sum::<E, S>(s, y2[1], y6[1]));
    let c0 = sum::<E, S>(s, y2[0], y6[0]);
    let c1 = less::<E, S>(s, re, im);
    let c2 = less::<E, S>(s, y6[1], y2[1]);
    let c3 = sum::<E, S>(s, re, im);
    // The others.
    let [b0, b3, b2, b1] = four::<E, S>(s, [y1, y5, conjugate::<E, S>(s, y7), conjugate::<E, S>(s, y3)]);
    let b1 = turned::<E, S>(s, COS, -SIN, b1);
    let b2 = turned::<E, S>(s, DIAGONAL, -DIAGONAL, b2);
    let b3 = turned::<E, S>(s, SIN, -COS, b3);
    let [x0, x4, x8, x12] = last::<E, S>(s, a0, TWO, c0, b0);
    let [x1, x5, x9, x13] = last::<E, S>(s, a1, ROOT, c1, b1);
    let [x2, x6, x10, x14] = last::<E, S>(s, a2, TWO, c2, b2);
    let [x3, x7, x11, x15] = last::<E, S>(s, a3, -ROOT, c3, b3);
    [x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15]
}

/// The last sum of four, of real numbers `a`, `factor c` and a complex number with its conjugate.
#[inline(always)]
fn last<E: Number, S: Simd>(
    s: S,
    a: E::Vector<S>,
    factor: f64,
    c: E::Vector<S>,
    [re, im]: Complex<E, S>,
) -> [E::Vector<S>; 4] {
    let (even, odd) = (times::<E, S>(s, factor, c, a), times::<E, S>(s, -factor, c, a));
    [
        times::<E, S>(s, TWO, re, even),
        times::<E, S>(s, -TWO, im, odd),
        times::<E, S>(s, -TWO, re, even),
        times::<E, S>(s, TWO, im, odd),
    ]
}
