//! Products on the CPU, by tiles: one, or one for each core.

use super::{Matmul, slim};
use crate::{
    error::Result,
    kernel::{
        parallel,
        reduce::write_f64,
        tiles::{self, Number, Product, Rows, Workspace},
    },
    shape::{DType, MatmulShape, View},
    tensor::{Tensor, expr::Plan},
};
use smallvec::SmallVec;

impl Matmul {
    pub(super) fn run_cpu(&self, a: &Tensor, b: &Tensor, plan: &Plan) -> Result<()> {
        let output = &plan.outputs[0];
        match output.storage.dtype {
            DType::F32 => self.multiply::<f32>(a, b, &output.buffer, output.offset),
            DType::F64 => self.multiply::<f64>(a, b, &output.buffer, output.offset),
            _ => {
                // Halves are multiplied as singles and rounded once.
                let (a, b) = (a.cast(DType::F32).contiguous(), b.cast(DType::F32).contiguous());
                let n = plan.shape.size();
                let wide = plan.device.allocate((n * 4) as u64)?;
                self.multiply::<f32>(&a, &b, &wide, 0)?;
                // SAFETY: `wide` is complete and the output is known to nobody else yet.
                let values: Vec<f64> = unsafe { wide.host::<f32>(0, n) }.iter().map(|&v| f64::from(v)).collect();
                unsafe { write_f64(&output.buffer, output.storage.dtype, output.offset, &values) };
                Ok(())
            }
        }
    }

    fn multiply<E: Number>(&self, a: &Tensor, b: &Tensor, into: &crate::device::Buffer, offset: usize) -> Result<()> {
        let MatmulShape { m, n, k, .. } = self.shape;
        let operand = |x: &Tensor| -> Result<Operand<E>> {
            let (buffer, base) = x.buffer()?;
            let nd = x.ndim();
            let lead = View {
                shape: x.shape()[..nd - 2].into(),
                strides: SmallVec::from_slice(&x.view.strides[..nd - 2]),
                offset: base + x.view.offset,
            };
            let mut starts = Vec::with_capacity(lead.size());
            lead.for_each(|at| starts.push(at));
            // SAFETY: a forced operand is written by nobody.
            let at = unsafe { buffer.host::<E>(0, buffer.capacity() as usize / size_of::<E>()) }.as_ptr();
            Ok(Operand { at, starts, row: x.view.strides[nd - 2], column: x.view.strides[nd - 1], _buffer: buffer })
        };
        let (a, b) = (&operand(a)?, &operand(b)?);
        let batches = a.starts.len();
        // SAFETY: the output is known to nobody else yet.
        let out = unsafe { into.host_mut::<E>(offset, batches * m * n) };
        if k == 0 {
            out.fill(E::ZERO);
            return Ok(());
        }
        let shared = Shared(out.as_mut_ptr());
        let threads = rayon::current_num_threads();
        // One product is cut along its longer side, at multiples of a tile's.
        let cuts = if batches >= threads || m * n * k < 1 << 17 { 1 } else { threads };
        let by_rows = m >= n;
        let (side, multiple) = if by_rows { (m, tiles::together()) } else { (n, tiles::width::<E>()) };
        let step = side.div_ceil(cuts).next_multiple_of(multiple);
        let cuts = side.div_ceil(step);
        parallel::ranges(batches * cuts, m * n * k / cuts, 1, |range| {
            for task in range {
                let (batch, from) = (task / cuts, task % cuts * step);
                let width = step.min(side - from);
                let (rows, columns) = if by_rows { (width, n) } else { (m, width) };
                let (first_row, first_column) = if by_rows { (from, 0) } else { (0, from) };
                // SAFETY: operands lie within their buffers by their views; tasks write disjoint parts of the output.
                unsafe {
                    // `b` is held as (n, k): its rows are the result's columns.
                    let (a, b) = (a.matrix(batch, first_row), b.matrix(batch, first_column));
                    let c = shared.get().add(batch * m * n + first_row * n + first_column);
                    product([rows, k, columns], a, b, c, n);
                }
            }
        });
        Ok(())
    }
}

/// Rows whose packed copy stays in the second-level cache.
const ROWS: usize = 384;

/// Fewer rows than these, or columns, would leave most of a tile unused.
const SLIM: usize = 4;

/// `c = a b'` for `m` rows of `a` and `n` rows of `b`, `k` long, with rows of `c` `row` apart.
///
/// # Safety
/// The matrices lie in valid memory.
unsafe fn product<E: Number>([m, k, n]: [usize; 3], a: Matrix<E>, b: Matrix<E>, c: *mut E, row: usize) {
    if m < SLIM || n < SLIM {
        // SAFETY: by the caller's promise.
        return unsafe {
            if m <= n {
                slim::multiply((a, m), (b, n), k, |i, j, value| *c.add(i * row + j) = value);
            } else {
                slim::multiply((b, n), (a, m), k, |j, i, value| *c.add(i * row + j) = value);
            }
        };
    }
    let swapped = b.row != 1 && a.row != 1 && m <= 64 && pays_turned(m, k, n);
    E::workspace(|own| {
        if !swapped {
            // SAFETY: by the caller's promise.
            return unsafe { tiled([m, k, n], a, b, c, row, own) };
        }
        // The rows of `b` side by side with few of `a`, and the results turned.
        for first in (0..n).step_by(ROWS) {
            let some = ROWS.min(n - first);
            let mut turned = std::mem::take(&mut own.results);
            let results = turned.take(some * m);
            // SAFETY: by the caller's promise; results are the thread's own.
            unsafe {
                tiled([some, k, m], b.from(first), a, results.as_mut_ptr(), m, own);
                for i in 0..m {
                    for j in 0..some {
                        *c.add(i * row + first + j) = results[j * m + i];
                    }
                }
            }
            own.results = turned;
        }
    });
}

/// Whether turning the results, of vectors that are not full, takes less time than turning the right operand.
fn pays_turned(m: usize, k: usize, n: usize) -> bool {
    let full = m.next_multiple_of(16);
    n * k > 2 * m * n + m * k + (full - m) * n * k / 32
}

unsafe fn tiled<E: Number>(
    [m, k, n]: [usize; 3],
    a: Matrix<E>,
    b: Matrix<E>,
    c: *mut E,
    row: usize,
    own: &mut Workspace<E>,
) {
    let width = tiles::width::<E>();
    let panel = own.panel.take(tiles::DEPTH * width);
    // Parts of the results that stay in the second-level cache while all steps are added to them.
    for (first, start) in (0..m).step_by(ROWS).flat_map(|i| (0..n).step_by(8 * width).map(move |j| (i, j))) {
        let some = ROWS.min(m - first);
        let packed = own.rows.take(some.next_multiple_of(tiles::together()) * tiles::DEPTH);
        for steps in tiles::slices(k) {
            // SAFETY: by the caller's promise; rows and panel are packed as they are wanted.
            unsafe {
                let rows = a.from(first).skip(steps.start).pack_rows(some, steps.len(), packed);
                for from in (start..n.min(start + 8 * width)).step_by(width) {
                    let columns = width.min(n - from);
                    b.from(from).skip(steps.start).pack_panel(columns, steps.len(), panel);
                    let product = Product {
                        rows,
                        m: some,
                        n: columns,
                        k: steps.len(),
                        a: packed.as_ptr(),
                        b: panel.as_ptr(),
                        c: c.add(first * row + from),
                        row,
                        begun: steps.start > 0,
                    };
                    product.run();
                }
            }
        }
    }
}

/// Rows `row` apart, whose elements are `step` apart.
#[derive(Clone, Copy)]
pub(super) struct Matrix<E> {
    pub at: *const E,
    pub row: isize,
    pub step: isize,
}

impl<E: Number> Matrix<E> {
    /// Step `step` of row `row`.
    pub unsafe fn element(&self, row: usize, step: usize) -> E {
        // SAFETY: by the caller's promise.
        unsafe { *self.at.offset(row as isize * self.row + step as isize * self.step) }
    }

    /// From row `row` on.
    pub unsafe fn from(self, row: usize) -> Matrix<E> {
        // SAFETY: by the caller's promise.
        Matrix { at: unsafe { self.at.offset(row as isize * self.row) }, ..self }
    }

    /// From step `step` on.
    unsafe fn skip(self, step: usize) -> Matrix<E> {
        // SAFETY: by the caller's promise.
        Matrix { at: unsafe { self.at.offset(step as isize * self.step) }, ..self }
    }

    /// `steps` groups of `rows` neighbours, where rows are neighbours.
    pub unsafe fn slice(&self, rows: usize, steps: usize) -> Option<(&[E], usize)> {
        let apart = usize::try_from(self.step).ok().filter(|_| self.row == 1)?;
        // SAFETY: by the caller's promise.
        Some((unsafe { std::slice::from_raw_parts(self.at, (steps - 1) * apart + rows) }, apart))
    }

    unsafe fn pack_rows(&self, rows: usize, steps: usize, out: &mut [E]) -> Rows {
        // SAFETY: by the caller's promise.
        unsafe {
            if let Some((slice, apart)) = self.slice(rows, steps) {
                tiles::pack_steps(slice, apart, steps, rows, out);
                return Rows::Steps;
            }
            for (i, out) in out.chunks_exact_mut(tiles::DEPTH).take(rows).enumerate() {
                let at = self.from(i).at;
                if self.step == 1 {
                    out[..steps].copy_from_slice(std::slice::from_raw_parts(at, steps));
                } else {
                    (0..steps).for_each(|t| out[t] = *at.offset(t as isize * self.step));
                }
            }
        }
        Rows::Apart
    }

    unsafe fn pack_panel(&self, rows: usize, steps: usize, out: &mut [E]) {
        let pitch = tiles::pitch::<E>(rows);
        // SAFETY: by the caller's promise.
        unsafe {
            if let Some((slice, apart)) = self.slice(rows, steps) {
                return tiles::pack_panel(slice, apart, steps, rows, pitch, out);
            }
            for j in 0..rows {
                let at = self.from(j).at;
                for (t, out) in out.chunks_exact_mut(pitch).take(steps).enumerate() {
                    out[j] = *at.offset(t as isize * self.step);
                }
            }
        }
    }
}

struct Operand<E> {
    at: *const E,
    starts: Vec<usize>,
    row: isize,
    column: isize,
    _buffer: crate::device::Buffer,
}
// SAFETY: only read, and the buffer is kept alive.
unsafe impl<E> Sync for Operand<E> {}
impl<E> Operand<E> {
    /// Product `batch`'s rows from `row` on.
    fn matrix(&self, batch: usize, row: usize) -> Matrix<E> {
        // SAFETY: within the buffer by the operand's view.
        let at = unsafe { self.at.offset(self.starts[batch] as isize + row as isize * self.row) };
        Matrix { at, row: self.row, step: self.column }
    }
}

struct Shared<E>(*mut E);
// SAFETY: tasks write disjoint parts.
unsafe impl<E> Sync for Shared<E> {}
impl<E> Shared<E> {
    fn get(&self) -> *mut E {
        self.0
    }
}
