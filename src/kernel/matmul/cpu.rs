//! Products on the CPU: one call of the GEMM crate, or one for each core.

use super::Matmul;
use crate::{
    error::Result,
    kernel::{parallel, reduce::write_f64},
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

    fn multiply<E: Gemm>(&self, a: &Tensor, b: &Tensor, into: &crate::device::Buffer, offset: usize) -> Result<()> {
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
        // One product is cut along its longer side, at multiples of the kernel's own tile.
        let cuts = if batches >= threads || m * n * k < 1 << 17 { 1 } else { threads };
        let by_rows = m >= n;
        let side = if by_rows { m } else { n };
        let step = side.div_ceil(cuts).next_multiple_of(16);
        let cuts = side.div_ceil(step);
        parallel::ranges(batches * cuts, m * n * k / cuts, 1, |range| {
            for task in range {
                let (batch, from) = (task / cuts, task % cuts * step);
                let width = step.min(side - from);
                let (rows, columns) = if by_rows { (width, n) } else { (m, width) };
                let (first_row, first_column) = if by_rows { (from, 0) } else { (0, from) };
                // SAFETY: operands lie within their buffers by their views; tasks write disjoint parts of the output.
                unsafe {
                    E::gemm(
                        [rows, k, columns],
                        a.row(batch, first_row),
                        [a.row, a.column],
                        // `b` is held as (n, k): its rows are the result's columns.
                        b.row(batch, first_column),
                        [b.column, b.row],
                        E::ZERO,
                        shared.get().add(batch * m * n + first_row * n + first_column),
                        [n as isize, 1],
                    );
                }
            }
        });
        Ok(())
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
    /// Where row `row` of product `batch` starts.
    fn row(&self, batch: usize, row: usize) -> *const E {
        // SAFETY: within the buffer by the operand's view.
        unsafe { self.at.offset(self.starts[batch] as isize + row as isize * self.row) }
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

/// Types that the GEMM crate multiplies.
pub(super) trait Gemm: crate::shape::Element {
    /// `c = a b + beta c`.
    ///
    /// # Safety
    /// The strided operands of shapes `(m, k)`, `(k, n)` and `(m, n)` lie in valid memory.
    #[allow(clippy::too_many_arguments, reason = "those of a product: sizes, and where each matrix lies")]
    unsafe fn gemm(
        mkn: [usize; 3],
        a: *const Self,
        sa: [isize; 2],
        b: *const Self,
        sb: [isize; 2],
        beta: Self,
        c: *mut Self,
        sc: [isize; 2],
    );
}

macro_rules! gemm {
    ($t:ty, $f:path) => {
        impl Gemm for $t {
            #[allow(clippy::too_many_arguments, reason = "those of a product: sizes, and where each matrix lies")]
            unsafe fn gemm(
                [m, k, n]: [usize; 3],
                a: *const $t,
                sa: [isize; 2],
                b: *const $t,
                sb: [isize; 2],
                beta: $t,
                c: *mut $t,
                sc: [isize; 2],
            ) {
                // SAFETY: by the caller's promise.
                unsafe { $f(m, k, n, 1.0, a, sa[0], sa[1], b, sb[0], sb[1], beta, c, sc[0], sc[1]) }
            }
        }
    };
}
gemm!(f32, matrixmultiply::sgemm);
gemm!(f64, matrixmultiply::dgemm);
