//! A right operand that is packed once, for many products of few rows.

use super::{Number, Product, Rows, SLACK, pitch, together, width};

/// The panels of `b` in `a b`, one after the other.
pub(in crate::kernel) struct Panels<E> {
    packed: Vec<E>,
    columns: usize,
    steps: usize,
}

impl<E: Number> Panels<E> {
    /// Of `b(k, n) = w[k * step + n * column]`.
    pub fn new(w: &[E], [steps, columns]: [usize; 2], [step, column]: [usize; 2]) -> Panels<E> {
        let mut packed = vec![E::ZERO; steps * pitch::<E>(columns).next_multiple_of(width::<E>()) + SLACK];
        for (panel, first) in (0..columns).step_by(width::<E>()).enumerate() {
            let n = width::<E>().min(columns - first);
            let out = &mut packed[panel * steps * width::<E>()..];
            for (k, out) in out.chunks_exact_mut(pitch::<E>(n)).take(steps).enumerate() {
                let from = k * step + first * column;
                for (j, out) in out[..n].iter_mut().enumerate() {
                    *out = w[from + j * column];
                }
            }
        }
        Panels { packed, columns, steps }
    }

    /// `c = a b`, or `c += a b` where there are results already, for rows of `a` that lie one after the other. `scratch`
    /// is memory from one call to the next.
    pub fn multiply(&self, a: &[E], c: &mut [E], begun: bool, scratch: &mut Vec<E>) {
        let rows = a.len() / self.steps;
        assert!(a.len() == rows * self.steps && c.len() == rows * self.columns);
        pack_rows(a, self.steps, scratch);
        for (panel, first) in (0..self.columns).step_by(width::<E>()).enumerate() {
            let product = Product {
                rows: Rows::Steps,
                m: rows,
                n: width::<E>().min(self.columns - first),
                k: self.steps,
                a: scratch.as_ptr(),
                b: self.packed[panel * self.steps * width::<E>()..].as_ptr(),
                c: c[first..].as_mut_ptr(),
                row: self.columns,
                begun,
            };
            // SAFETY: `scratch` has whole tiles of rows, the panel its steps, and `c` the rows, by the assertion above.
            unsafe { product.run() };
        }
    }
}

/// Rows of `steps` neighbours as [`Rows::Steps`].
fn pack_rows<E: Number>(a: &[E], steps: usize, out: &mut Vec<E>) {
    fn tile<E: Number, const R: usize>(a: &[E], steps: usize, out: &mut [E]) {
        for (r, row) in a.chunks_exact(steps).enumerate() {
            for (group, &value) in out.as_chunks_mut::<R>().0.iter_mut().zip(row) {
                group[r] = value;
            }
        }
    }
    let together = together();
    let tiles = (a.len() / steps).div_ceil(together);
    if out.len() < tiles * together * steps {
        out.resize(tiles * together * steps, E::ZERO);
    }
    for (a, out) in a.chunks(together * steps).zip(out.chunks_exact_mut(together * steps)) {
        match together {
            8 => tile::<E, 8>(a, steps, out),
            _ => tile::<E, 4>(a, steps, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact<E: Number>() {
        let value = |i: usize| E::from_f64((i * 7 % 5) as f64 - 2.0);
        let columns = [1, 3, width::<E>() - 1, width::<E>(), 2 * width::<E>() + 5];
        for (m, n, k) in [1, 4, 5, 8, 13].into_iter().flat_map(|m| columns.map(|n| (m, n, 7))) {
            let a: Vec<E> = (0..m * k).map(value).collect();
            let w: Vec<E> = (0..n * k).map(|i| value(i + 3)).collect();
            for strides in [[n, 1], [1, k]] {
                let panels = Panels::new(&w, [k, n], strides);
                for begun in [false, true] {
                    let mut c = vec![E::ONE; m * n];
                    panels.multiply(&a, &mut c, begun, &mut vec![]);
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let at = |t: usize| t * strides[0] + j * strides[1];
                        let sum: f64 = (0..k).map(|t| (a[i * k + t] * w[at(t)]).to_f64()).sum();
                        assert_eq!(
                            c[i * n + j].to_f64(),
                            sum + f64::from(u8::from(begun)),
                            "{m} {n} {strides:?}: {i} {j}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn panels_of_rows_and_of_columns() {
        exact::<f32>();
        exact::<f64>();
    }
}
