//! `y[b, i, j] = sum over k of a[b, i, k] * b[b, k, j]`, with either operand transposed and batches broadcast, no copies.

use super::{
    elementwise,
    emit::{Index, Kernel},
    fuse, parallel,
    reduce::write_f64,
};
use crate::{
    device::{Device, Gpu},
    error::Result,
    shape::{self, DType, MatmulShape, View},
    tensor::{
        Tensor, expect,
        expr::{Launcher, Plan, Root},
        wgsl,
    },
};
use smallvec::SmallVec;
use std::sync::Arc;

impl Tensor {
    /// The matrix product over the last two axes; leading axes broadcast, either operand may be taken transposed.
    ///
    /// `y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j]`, for shapes `(.., m, k)` and `(.., k, n)` to `(.., m, n)`.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or the operands are on different devices.
    #[track_caller]
    pub fn matmul(&self, b: &Tensor, transa: bool, transb: bool) -> Tensor {
        let (meta, shape) = expect("matmul", shape::matmul(&self.meta(), &b.meta(), transa, transb), &[self, b]);
        super::same_device("matmul", &[self, b]);
        // Operands are read many times: they are computed now, by kernels of their own.
        let (a, b) = (oriented(self, &shape, transa), oriented(b, &shape, !transb));
        a.force();
        b.force();
        let launcher = Matmul { shape };
        elementwise::pending(self.device(), Root::Kernel(Arc::new(launcher)), &[&a, &b], meta.shape, meta.dtype)
    }
}

/// The operand as (batch.., rows of the result, k).
fn oriented(x: &Tensor, shape: &MatmulShape, swap: bool) -> Tensor {
    let n = x.ndim();
    let x = if swap {
        let mut axes: Vec<usize> = (0..n).collect();
        axes.swap(n - 2, n - 1);
        x.with_view(x.view.permute(&axes))
    } else {
        x.clone()
    };
    let mut full = shape.batch.clone();
    full.push(x.shape()[n - 2]);
    full.push(x.shape()[n - 1]);
    x.with_view(x.view.broadcast_to(&full))
}

#[derive(Debug)]
struct Matmul {
    shape: MatmulShape,
}

impl Launcher for Matmul {
    fn run(&self, args: &[Tensor], plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                self.run_cpu(&args[0], &args[1], plan)
            }
            Device::Gpu(gpu) => self.run_gpu(gpu, &args[0], &args[1], plan),
        }
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu()
    }
}

impl Matmul {
    fn run_gpu(&self, gpu: &Arc<Gpu>, a: &Tensor, b: &Tensor, plan: &Plan) -> Result<()> {
        let MatmulShape { batch, m, n, k } = &self.shape;
        let (m, n, k, batches) = (*m, *n, *k, batch.size());
        let along_k = |x: &Tensor| u32::from(x.view.strides[x.ndim() - 1].abs() == 1);
        let index = Index::Split(batch.len() + 1);
        let (pa, pb) = (fuse::prologue(a, a.shape())?, fuse::prologue(b, b.shape())?);
        // A software adapter pays for barriers what a GPU gains by them.
        let (files, tile, name): (&[_], usize, _) = if gpu.is_software() {
            (&[wgsl!("family/matmul_direct.wgsl")], 8, "matmul_direct")
        } else {
            (&[wgsl!("family/matmul_tiled.wgsl")], 64, "matmul_tiled")
        };
        let mut kernel = Kernel::new(name, gpu, plan.compute, files);
        if !gpu.is_software() {
            kernel.constant("A_ALONG_K", along_k(a));
            kernel.constant("B_ALONG_K", along_k(b));
        }
        kernel.input("a", &pa, index);
        kernel.input("b", &pb, index);
        kernel.epilogue(plan, index);
        kernel.word("m", m);
        kernel.word("columns", n);
        kernel.word("k", k);
        let (tiles_m, tiles_n) = (m.div_ceil(tile), n.div_ceil(tile));
        kernel.word("tiles_n", tiles_n);
        if gpu.is_software() {
            kernel.word("threads", tiles_m * tiles_n);
            kernel.launch(grid((tiles_m * tiles_n).div_ceil(64), batches));
        } else {
            kernel.launch(grid(tiles_m * tiles_n, batches));
        }
        Ok(())
    }

    fn run_cpu(&self, a: &Tensor, b: &Tensor, plan: &Plan) -> Result<()> {
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

trait Gemm: crate::shape::Element {
    /// # Safety
    /// The strided operands of shapes `(m, k)`, `(k, n)` and `(m, n)` lie in valid memory.
    unsafe fn gemm(
        mkn: [usize; 3],
        a: *const Self,
        sa: [isize; 2],
        b: *const Self,
        sb: [isize; 2],
        c: *mut Self,
        sc: [isize; 2],
    );
}

macro_rules! gemm {
    ($t:ty, $f:path) => {
        impl Gemm for $t {
            unsafe fn gemm(
                [m, k, n]: [usize; 3],
                a: *const $t,
                sa: [isize; 2],
                b: *const $t,
                sb: [isize; 2],
                c: *mut $t,
                sc: [isize; 2],
            ) {
                // SAFETY: by the caller's promise.
                unsafe { $f(m, k, n, 1.0, a, sa[0], sa[1], b, sb[0], sb[1], 0.0, c, sc[0], sc[1]) }
            }
        }
    };
}
gemm!(f32, matrixmultiply::sgemm);
gemm!(f64, matrixmultiply::dgemm);

/// Workgroups of one product, folded over x and y, by batches over z.
fn grid(groups: usize, batches: usize) -> [u32; 3] {
    let [x, y, _] = super::emit::fold(groups);
    assert!(batches <= 65_535, "a batch of more than 65535 matrix products");
    [x, y, batches as u32]
}
