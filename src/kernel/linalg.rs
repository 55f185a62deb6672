//! Inverses, determinants and Cholesky factors of small square matrices, one workgroup or one task for each.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    fuse,
    parallel::{self, Disjoint},
    reduce::write_f64,
    rows::failed,
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape},
    tensor::{Storage, Tensor, wgsl},
};

impl Tensor {
    /// The inverses of the matrices in the last two axes, and their determinants.
    ///
    /// That of a singular matrix is 0, and its inverse has no finite values.
    pub(crate) fn invert(&self) -> (Tensor, Tensor) {
        let of = Matrices::new(self);
        let determinants = Shape::from(&self.shape()[..self.ndim() - 2]);
        of.invert()
            .and_then(|b| self.device().check().map(|()| b))
            .map(|(inverse, d)| (of.tensor(inverse, self.shape()), of.tensor(d, &determinants)))
            .unwrap_or_else(|error| {
                let failed = |shape: &Shape| failed(self.device(), shape, self.dtype(), error.clone());
                (failed(self.shape()), failed(&determinants))
            })
    }

    /// The lower triangular `l` with `l l' = self` for the matrices in the last two axes; the lower triangles are read.
    ///
    /// That of a matrix that is not positive definite has NaN.
    pub(crate) fn cholesky_factor(&self) -> Tensor {
        let of = Matrices::new(self);
        let factors =
            of.factor().and_then(|b| self.device().check().map(|()| b)).map(|buffer| of.tensor(buffer, self.shape()));
        factors.unwrap_or_else(|error| failed(self.device(), self.shape(), self.dtype(), error))
    }
}

struct Matrices<'a> {
    x: &'a Tensor,
    n: usize,
    count: usize,
}

impl Matrices<'_> {
    fn new(x: &Tensor) -> Matrices<'_> {
        let (batch, matrix) = x.shape().split_at(x.ndim() - 2);
        Matrices { x, n: matrix[0], count: batch.iter().product() }
    }

    fn tensor(&self, buffer: Buffer, shape: &Shape) -> Tensor {
        let storage = Storage::ready(self.x.device().clone(), self.x.dtype(), shape.size(), buffer, None);
        Tensor::whole(storage, shape.clone())
    }

    fn allocate(&self, dtype: DType, each: usize) -> Result<Buffer> {
        let device = self.x.device();
        device.allocate(fuse::bytes(device, dtype, self.count * each))
    }

    fn invert(&self) -> Result<(Buffer, Buffer)> {
        let (x, n) = (self.x, self.n);
        let prologue = fuse::whole_prologue(x.clone())?;
        let (inverse, determinants) = (self.allocate(x.dtype(), n * n)?, self.allocate(x.dtype(), 1)?);
        if self.count == 0 {
            return Ok((inverse, determinants));
        }
        match x.device() {
            Device::Cpu(_) => {
                x.device().count_launch();
                let (y, d) = match prologue.plan.compute {
                    DType::F32 => self.each(&elementwise::values::<f32>(&prologue), inverted),
                    _ => self.each(&elementwise::values::<f64>(&prologue), inverted),
                };
                // SAFETY: fresh buffers.
                unsafe {
                    write_f64(&inverse, x.dtype(), 0, &y);
                    write_f64(&determinants, x.dtype(), 0, &d);
                }
            }
            Device::Gpu(gpu) => {
                const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/invert.wgsl")];
                let compute = prologue.plan.compute;
                let work = self.allocate(compute, 2 * n * n)?;
                let mut kernel = Kernel::new("invert", gpu, compute, FILES);
                kernel.input("x", &prologue, Index::Split(x.ndim() - 2));
                kernel.memory("w", &work, compute, false);
                kernel.output("y", &inverse, x.dtype(), 0);
                kernel.output("d", &determinants, x.dtype(), 0);
                self.launch(kernel);
            }
        }
        Ok((inverse, determinants))
    }

    fn factor(&self) -> Result<Buffer> {
        let (x, n) = (self.x, self.n);
        let prologue = fuse::whole_prologue(x.clone())?;
        let factors = self.allocate(x.dtype(), n * n)?;
        if self.count * n == 0 {
            return Ok(factors);
        }
        match x.device() {
            Device::Cpu(_) => {
                x.device().count_launch();
                let (y, _) = match prologue.plan.compute {
                    DType::F32 => self.each(&elementwise::values::<f32>(&prologue), factored),
                    _ => self.each(&elementwise::values::<f64>(&prologue), factored),
                };
                // SAFETY: a fresh buffer.
                unsafe { write_f64(&factors, x.dtype(), 0, &y) };
            }
            Device::Gpu(gpu) => {
                const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/cholesky.wgsl")];
                let compute = prologue.plan.compute;
                let work = self.allocate(compute, n * n)?;
                let mut kernel = Kernel::new("cholesky", gpu, compute, FILES);
                kernel.input("x", &prologue, Index::Split(x.ndim() - 2));
                kernel.memory("w", &work, compute, false);
                kernel.output("y", &factors, x.dtype(), 0);
                self.launch(kernel);
            }
        }
        Ok(factors)
    }

    fn launch(&self, mut kernel: Kernel<'_>) {
        kernel.word("matrices", self.count);
        kernel.word("size", self.n);
        kernel.launch(fold(self.count));
    }

    /// Runs `f` for each matrix: it writes the result and returns a number.
    fn each<R: Lane>(&self, values: &[R], f: impl Fn(&[R], usize, &mut [f64]) -> f64 + Sync) -> (Vec<f64>, Vec<f64>) {
        let size = self.n * self.n;
        let (mut out, mut numbers) = (vec![0.0; self.count * size], vec![0.0; self.count]);
        let (all, each) = (Disjoint::new(&mut out), Disjoint::new(&mut numbers));
        parallel::ranges(self.count, size * self.n, 1, |range| {
            for i in range {
                let at = i * size..(i + 1) * size;
                // SAFETY: each matrix and number is written once.
                unsafe { each.range(i..i + 1)[0] = f(&values[at.clone()], self.n, all.range(at)) };
            }
        });
        (out, numbers)
    }
}

/// Gauss-Jordan elimination with row pivots; returns the determinant.
fn inverted<R: Lane>(x: &[R], n: usize, out: &mut [f64]) -> f64 {
    let mut rows: Vec<Vec<R>> = (0..n)
        .map(|r| {
            let unit = (0..n).map(|c| if c == r { R::ONE } else { R::ZERO });
            x[r * n..(r + 1) * n].iter().copied().chain(unit).collect()
        })
        .collect();
    let mut determinant = R::ONE;
    for k in 0..n {
        let better = |best: usize, r: usize| if R::abs(rows[r][k]) > R::abs(rows[best][k]) { r } else { best };
        let row = (k + 1..n).fold(k, better);
        rows.swap(k, row);
        let mut top = std::mem::take(&mut rows[k]);
        let pivot = top[k];
        determinant *= if row == k { pivot } else { -pivot };
        top.iter_mut().for_each(|v| *v /= pivot);
        for (_, other) in rows.iter_mut().enumerate().filter(|(r, _)| *r != k) {
            let factor = other[k];
            other.iter_mut().zip(&top).for_each(|(v, &t)| *v -= factor * t);
        }
        rows[k] = top;
    }
    for (out, row) in out.chunks_mut(n.max(1)).zip(&rows) {
        out.iter_mut().zip(&row[n..]).for_each(|(o, v)| *o = v.to_f64());
    }
    determinant.to_f64()
}

fn factored<R: Lane>(x: &[R], n: usize, out: &mut [f64]) -> f64 {
    let mut l = vec![R::ZERO; n * n];
    for r in 0..n {
        for c in 0..=r {
            let known = (0..c).fold(R::ZERO, |s, i| s + l[r * n + i] * l[c * n + i]);
            let left = x[r * n + c] - known;
            l[r * n + c] = if r == c { R::sqrt(left) } else { left / l[c * n + c] };
        }
    }
    out.iter_mut().zip(&l).for_each(|(o, v)| *o = v.to_f64());
    0.0
}
