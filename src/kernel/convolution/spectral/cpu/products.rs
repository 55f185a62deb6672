//! Complex products as three real ones, of operands whose parts are packed apart.

use crate::kernel::{
    convolution::vectors::{less, sum},
    tiles::{Number, Product, Rows, lanes, pitch, read},
};
use pulp::{Arch, Simd, WithSimd};

/// A panel under all rows; operands are real parts, imaginary parts and their sums, as [`Product`] wants them.
pub(super) struct Complex<E> {
    pub rows: Rows,
    /// Rows, columns and steps.
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: [*const E; 3],
    pub b: [*const E; 3],
    /// Products of each, and the distance of their rows.
    pub c: [*mut E; 3],
    pub row: [usize; 3],
    /// Whether there are products already, to be added to.
    pub begun: bool,
}

impl<E: Number> Complex<E> {
    /// Computes the products.
    ///
    /// # Safety
    /// As [`Product::run`] has it, for each.
    pub unsafe fn run(&self) {
        let &Complex { rows, m, n, k, begun, .. } = self;
        for i in 0..3 {
            let product = Product { rows, m, n, k, a: self.a[i], b: self.b[i], c: self.c[i], row: self.row[i], begun };
            // SAFETY: by the caller's promise.
            unsafe { product.run() };
        }
    }

    /// Real and imaginary parts of the results in the place of the first two products.
    ///
    /// # Safety
    /// Rows are of whole vectors, which nobody else uses.
    pub unsafe fn join(&self) {
        let (rows, length) = (self.m, pitch::<E>(self.n));
        Arch::new().dispatch(Join { products: self.c, apart: self.row, rows, length });
    }
}

/// `re = a - b` and `im = c - a - b` of three products.
struct Join<E> {
    products: [*mut E; 3],
    apart: [usize; 3],
    rows: usize,
    length: usize,
}

impl<E: Number> WithSimd for Join<E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let ([a, b, c], apart) = (self.products, self.apart);
        for row in 0..self.rows {
            for at in (0..self.length).step_by(lanes::<E, S>()) {
                // SAFETY: by the promise that `join` was given.
                unsafe {
                    let (a, b) = (a.add(row * apart[0] + at), b.add(row * apart[1] + at));
                    let both = read::<E, S>(c.add(row * apart[2] + at));
                    let (re, im) = (read::<E, S>(a), read::<E, S>(b));
                    a.cast::<E::Vector<S>>().write_unaligned(less::<E, S>(s, re, im));
                    let im = less::<E, S>(s, less::<E, S>(s, both, re), im);
                    b.cast::<E::Vector<S>>().write_unaligned(im);
                }
            }
        }
    }
}

/// Sums of the parts of an operand: so many rows of `length` elements, `apart` from one to the next.
pub(super) struct Both<'a, E> {
    pub parts: [&'a [E]; 2],
    pub rows: usize,
    pub length: usize,
    pub apart: usize,
    pub out: &'a mut [E],
}

impl<E: Number> Both<'_, E> {
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl<E: Number> WithSimd for Both<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) {
        let lanes = lanes::<E, S>();
        let end = (self.rows - 1) * self.apart + self.length.next_multiple_of(lanes);
        assert!(self.parts.iter().all(|part| part.len() >= end) && self.out.len() >= end);
        for row in 0..self.rows {
            for at in (row * self.apart..row * self.apart + self.length).step_by(lanes) {
                // SAFETY: within all three, by the assertion.
                unsafe {
                    let [a, b] = self.parts;
                    let vector = sum::<E, S>(s, read::<E, S>(a.as_ptr().add(at)), read::<E, S>(b.as_ptr().add(at)));
                    self.out.as_mut_ptr().add(at).cast::<E::Vector<S>>().write_unaligned(vector);
                }
            }
        }
    }
}
