//! Rows by number: `y[i, :] = w[ids[i], :]`, and its adjoint `g[ids[i], :] += gy[i, :]`; one element of each row.

use super::{
    create::known_within,
    elementwise::{self, Lane},
    emit::{Index, Kernel},
    fuse, parallel,
    reduce::write_f64,
    slabs::{slab, slabs, table_parts, together},
    split::Cell,
};
use crate::{
    device::{Buffer, Device, Gpu, Tag},
    error::{Error, Result},
    shape::{DType, Shape},
    tensor::{Storage, Tensor, Wgsl, wgsl},
};
use half::f16;
use smallvec::smallvec;
use std::{ops::Range, sync::Arc};

/// Ids over which one thread runs: loops end after 65,535 turns on some software adapters.
const LONGEST: usize = 32_768;

/// An id that names no row and is passed over: its row is zero, its gradient goes nowhere.
pub(crate) type Ignore = Option<i32>;

impl Tensor {
    /// `y[i.., :] = self[ids[i..], :]` for a matrix; rows of `ignore` are zero.
    ///
    /// An id out of range fails the result, or on a GPU the next blocking call.
    pub(crate) fn take_rows(&self, operator: &'static str, ids: &Tensor, ignore: Ignore) -> Tensor {
        let mut shape = ids.shape().clone();
        shape.push(self.shape()[1]);
        if let Some(parts) = slabs(self.device(), &[ids], &[&shape], 0) {
            let part = |part: &Range<usize>| self.take_rows(operator, &slab(ids, part), ignore);
            return together(&parts.iter().map(part).collect::<Vec<_>>());
        }
        let run = || -> Result<Tensor> {
            let (rows, width) = (self.shape()[0], self.shape()[1]);
            let (source, ids) = (self.contiguous(), ids.contiguous());
            let (x, at) = source.buffer()?;
            let (id, id_at) = ids.buffer()?;
            let (at, id_at) = (at + source.view.offset, id_at + ids.view.offset);
            let n = ids.size();
            let device = self.device();
            let out = device.allocate(fuse::bytes(device, self.dtype(), n * width))?;
            match device {
                Device::Cpu(_) => {
                    device.count_launch();
                    // SAFETY: forced, and written by nobody.
                    let id = unsafe { id.host::<i32>(id_at, n) };
                    check(operator, id, rows, ignore)?;
                    let bytes = self.dtype().size();
                    // SAFETY: the source is forced and written by nobody; the output is fresh.
                    let (x, y) = unsafe {
                        (x.host::<u8>(at * bytes, rows * width * bytes), out.host_mut::<u8>(0, n * width * bytes))
                    };
                    let row = width * bytes;
                    let shared = parallel::Disjoint::new(y);
                    parallel::ranges(n, row, 1, |range| {
                        for i in range {
                            // SAFETY: each row is written once.
                            let y = unsafe { shared.range(i * row..(i + 1) * row) };
                            match ignore {
                                Some(ignore) if id[i] == ignore => y.fill(0),
                                _ => y.copy_from_slice(&x[id[i] as usize * row..(id[i] as usize + 1) * row]),
                            }
                        }
                    });
                }
                Device::Gpu(gpu) => {
                    const FILES: &[Wgsl] = &[wgsl!("family/take_rows.wgsl")];
                    let compute = crate::tensor::expr::compute_type(self.dtype(), device);
                    let table = fuse::whole_prologue(source.clone())?;
                    // Each launch sees a part of a large table, and writes the rows that ids find there.
                    for part in table_parts(gpu, rows, width) {
                        let cell = Cell { start: smallvec![part.start, 0], shape: Shape::from([part.len(), width]) };
                        let seen = cell.of_prologue(&table);
                        let mut kernel = Kernel::new("take_rows", gpu, compute, FILES);
                        kernel.input("x", &seen, Index::Split(1));
                        kernel.integers("id", &id, id_at, true);
                        kernel.output("y", &out, self.dtype(), 0);
                        kernel.word("first", part.start);
                        kernel.word("seen", part.len());
                        kernel.word("width", width);
                        ids_of(&mut kernel, operator, &ids, rows, ignore);
                        kernel.launch_elements(n * width);
                    }
                }
            }
            device.check()?;
            Ok(Tensor::whole(Storage::ready(device.clone(), self.dtype(), n * width, out, None), shape.clone()))
        };
        run().unwrap_or_else(|e| super::rows::failed(self.device(), &shape, self.dtype(), e))
    }

    /// A matrix of `rows` rows, zero but for `y[ids[i..], :] += self[i.., :]`; rows of `ignore` go nowhere.
    ///
    /// Sums are taken in the order of `i`: the result is the same in every run.
    pub(crate) fn add_rows(&self, operator: &'static str, ids: &Tensor, rows: usize, ignore: Ignore) -> Tensor {
        let width = self.shape()[self.ndim() - 1];
        let shape = Shape::from([rows, width]);
        let run = || -> Result<Tensor> {
            let (source, ids) = (self.contiguous(), ids.contiguous());
            let (x, at) = source.buffer()?;
            let (id, id_at) = ids.buffer()?;
            let (at, id_at) = (at + source.view.offset, id_at + ids.view.offset);
            let n = ids.size();
            let device = self.device();
            let out = match device {
                Device::Cpu(_) => {
                    device.count_launch();
                    let out = device.allocate(fuse::bytes(device, self.dtype(), rows * width))?;
                    // SAFETY: forced, and written by nobody.
                    let id = unsafe { id.host::<i32>(id_at, n) };
                    check(operator, id, rows, ignore)?;
                    let of = Rows { x: &x, at, width, out: &out, rows };
                    match self.dtype() {
                        DType::F16 => add::<f16>(&of, id, ignore),
                        DType::F32 => add::<f32>(&of, id, ignore),
                        DType::F64 => add::<f64>(&of, id, ignore),
                        DType::I32 => add::<i32>(&of, id, ignore),
                        DType::U32 => add::<u32>(&of, id, ignore),
                        DType::U8 | DType::Bool => add::<u8>(&of, id, ignore),
                    }
                    Tensor::whole(Storage::ready(device.clone(), self.dtype(), rows * width, out, None), shape.clone())
                }
                Device::Gpu(gpu) => {
                    let matrix = source.try_reshape_view(&Shape::from([n, width])).expect("contiguous");
                    let sum = RowSum { gpu, operator, ids: &ids, id: (&id, id_at), ignore };
                    sum.run(&matrix, rows)?.cast(self.dtype())
                }
            };
            device.check()?;
            Ok(out)
        };
        run().unwrap_or_else(|e| super::rows::failed(self.device(), &shape, self.dtype(), e))
    }
}

/// Sums of rows by their ids on a GPU.
struct RowSum<'a> {
    gpu: &'a Arc<Gpu>,
    operator: &'static str,
    ids: &'a Tensor,
    id: (&'a Buffer, usize),
    ignore: Ignore,
}

impl RowSum<'_> {
    /// The sums of the rows of `x`, for a table of so many rows: parts of a table that one binding does not show each by
    /// themselves, and of many ids so many at a time.
    fn run(&self, x: &Tensor, rows: usize) -> Result<Tensor> {
        let (n, width, device) = (x.shape()[0], x.shape()[1], x.device());
        let most = table_parts(self.gpu, n, width).next().map_or(0, |part| part.len()).clamp(1, LONGEST);
        let x = fuse::whole_prologue(x.clone())?;
        let mut chains = vec![];
        for start in (0..n).step_by(most) {
            let count = most.min(n - start);
            chains.push((start, count, self.chain(start, count, rows)?));
        }
        let mut parts = vec![];
        for part in table_parts(self.gpu, rows, width) {
            let y = Tensor::zeros([part.len(), width], x.plan.compute, device);
            let (out, _) = y.buffer()?;
            for (start, count, links) in &chains {
                let cell = Cell { start: smallvec![*start, 0], shape: Shape::from([*count, width]) };
                let x = cell.of_prologue(&x);
                const FILES: &[Wgsl] = &[wgsl!("family/add_rows.wgsl")];
                let mut kernel = Kernel::new("add_rows", self.gpu, x.plan.compute, FILES);
                kernel.input("x", &x, Index::Split(1));
                kernel.integers("id", self.id.0, self.id.1 + start, true);
                kernel.integers("links", links, 0, true);
                kernel.memory("y", &out, x.plan.compute, false);
                kernel.word("first", part.start);
                kernel.word("seen", part.len());
                kernel.word("count", *count);
                kernel.word("width", width);
                kernel.launch_elements(count * width);
            }
            parts.push(y);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { together(&parts) })
    }

    /// The places of each id among `count` of them.
    fn chain(&self, start: usize, count: usize, rows: usize) -> Result<Buffer> {
        const FILES: &[Wgsl] = &[wgsl!("family/link_rows.wgsl")];
        let links = Tag::Workspace.during(|| self.ids.device().allocate(count as u64 * 4))?;
        let mut kernel = Kernel::new("link_rows", self.gpu, DType::I32, FILES);
        kernel.integers("id", self.id.0, self.id.1 + start, true);
        kernel.integers("links", &links, 0, false);
        kernel.word("before", start);
        ids_of(&mut kernel, self.operator, self.ids, rows, self.ignore);
        kernel.launch_elements(count);
        Ok(links)
    }
}

impl Tensor {
    /// `y[i] = self[i, ids[i]]` for a matrix.
    ///
    /// An id out of range fails the result, or on a GPU the next blocking call.
    pub(crate) fn pick(&self, operator: &'static str, ids: &Tensor) -> Tensor {
        let (n, columns) = (self.shape()[0], self.shape()[1]);
        if let Some(parts) = slabs(self.device(), &[self], &[], 0) {
            let part = |part: &Range<usize>| slab(self, part).pick(operator, &slab(ids, part));
            return together(&parts.iter().map(part).collect::<Vec<_>>());
        }
        let run = || -> Result<Tensor> {
            let ids = ids.contiguous();
            let (id, id_at) = ids.buffer()?;
            let id_at = id_at + ids.view.offset;
            let prologue = fuse::whole_prologue(self.clone())?;
            let device = self.device();
            let out = device.allocate(fuse::bytes(device, self.dtype(), n))?;
            match device {
                Device::Cpu(_) => {
                    device.count_launch();
                    // SAFETY: forced, and written by nobody.
                    let id = unsafe { id.host::<i32>(id_at, n) };
                    check(operator, id, columns, None)?;
                    let of = match prologue.plan.compute {
                        DType::F32 => picked::<f32>,
                        _ => picked::<f64>,
                    };
                    // SAFETY: the output is fresh.
                    unsafe { write_f64(&out, self.dtype(), 0, &of(&prologue, id, columns)) };
                }
                Device::Gpu(gpu) => {
                    const FILES: &[Wgsl] = &[wgsl!("family/pick.wgsl")];
                    let mut kernel = Kernel::new("pick", gpu, prologue.plan.compute, FILES);
                    kernel.input("x", &prologue, Index::Split(1));
                    kernel.integers("id", &id, id_at, true);
                    kernel.output("y", &out, self.dtype(), 0);
                    kernel.fault(operator, known_within(&ids, columns, None));
                    kernel.word("columns", columns);
                    kernel.launch_elements(n);
                }
            }
            device.check()?;
            Ok(Tensor::whole(Storage::ready(device.clone(), self.dtype(), n, out, None), Shape::from(n)))
        };
        run().unwrap_or_else(|e| super::rows::failed(self.device(), &Shape::from(n), self.dtype(), e))
    }
}

fn picked<R: Lane>(prologue: &fuse::Prologue, ids: &[i32], columns: usize) -> Vec<f64> {
    let values = elementwise::values::<R>(prologue);
    ids.iter().enumerate().map(|(i, &id)| values[i * columns + id as usize].to_f64()).collect()
}

/// What both kernels know of ids.
fn ids_of(kernel: &mut Kernel<'_>, operator: &'static str, ids: &Tensor, rows: usize, ignore: Ignore) {
    kernel.fault(operator, known_within(ids, rows, ignore));
    kernel.constant("IGNORES", u32::from(ignore.is_some()));
    kernel.word("ignore", ignore.unwrap_or(0) as u32 as usize);
    kernel.word("rows", rows);
}

fn check(operator: &'static str, ids: &[i32], rows: usize, ignore: Ignore) -> Result<()> {
    let bad = |&id: &i32| Some(id) != ignore && !(0..rows as i64).contains(&i64::from(id));
    match ids.iter().position(bad) {
        None => Ok(()),
        Some(at) => Err(Error::IndexOutOfRange {
            operator: operator.into(),
            index: i64::from(ids[at]),
            position: at,
            low: 0,
            high: rows as i64,
        }),
    }
}

struct Rows<'a> {
    x: &'a Buffer,
    at: usize,
    width: usize,
    out: &'a Buffer,
    rows: usize,
}

fn add<E: crate::shape::Element>(of: &Rows<'_>, ids: &[i32], ignore: Ignore) {
    // SAFETY: the source is forced and written by nobody; the output is fresh.
    let (x, y) = unsafe { (of.x.host::<E>(of.at, ids.len() * of.width), of.out.host_mut::<E>(0, of.rows * of.width)) };
    y.fill(E::ZERO);
    for (i, &id) in ids.iter().enumerate().filter(|(_, id)| Some(**id) != ignore) {
        let to = &mut y[id as usize * of.width..(id as usize + 1) * of.width];
        for (t, &v) in to.iter_mut().zip(&x[i * of.width..(i + 1) * of.width]) {
            *t = E::from_f64(t.to_f64() + v.to_f64());
        }
    }
}
