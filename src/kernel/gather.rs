//! Rows by number: `y[i, :] = w[ids[i], :]`, and its adjoint `g[ids[i], :] += gy[i, :]`; one element of each row.

use super::{
    create::known_within,
    elementwise::{self, Lane},
    emit::{Index, Kernel},
    fuse, parallel,
    reduce::write_f64,
};
use crate::{
    device::{Buffer, Device},
    error::{Error, Result},
    shape::{DType, Shape},
    tensor::{Storage, Tensor, wgsl},
};
use half::f16;

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
                    const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/take_rows.wgsl")];
                    let compute = crate::tensor::expr::compute_type(self.dtype(), device);
                    let prologue = fuse::whole_prologue(source.clone())?;
                    let mut kernel = Kernel::new("take_rows", gpu, compute, FILES);
                    kernel.input("x", &prologue, Index::Split(1));
                    kernel.integers("id", &id, id_at, true);
                    kernel.output("y", &out, self.dtype(), 0);
                    ids_of(&mut kernel, operator, &ids, [rows, width], ignore);
                    kernel.launch_elements(n * width);
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
            // Fewer ids than rows: each id's first occurrence gathers the others, into zeros. Else each row looks for its own.
            let by_id = n < rows && !device.is_cpu();
            let out = if by_id {
                Tensor::zeros([rows, width], self.dtype(), device).buffer()?.0
            } else {
                device.allocate(fuse::bytes(device, self.dtype(), rows * width))?
            };
            match device {
                Device::Cpu(_) => {
                    device.count_launch();
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
                }
                Device::Gpu(gpu) => {
                    const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/add_rows.wgsl")];
                    let compute = crate::tensor::expr::compute_type(self.dtype(), device);
                    let matrix = source.try_reshape_view(&Shape::from([n, width])).expect("contiguous");
                    let prologue = fuse::whole_prologue(matrix)?;
                    // Once for no ids at all, so that what nobody adds to is zero.
                    for before in (0..n.max(1)).step_by(LONGEST) {
                        let count = LONGEST.min(n - before);
                        let mut kernel = Kernel::new("add_rows", gpu, compute, FILES);
                        kernel.input("x", &prologue, Index::Split(1));
                        kernel.integers("id", &id, id_at, true);
                        kernel.memory("y", &out, self.dtype(), false);
                        kernel.word("before", before);
                        kernel.word("count", count);
                        kernel.constant("FIRST", u32::from(before == 0));
                        kernel.constant("BY_ID", u32::from(by_id));
                        ids_of(&mut kernel, operator, &ids, [rows, width], ignore);
                        kernel.launch_elements(if by_id { count } else { rows } * width);
                    }
                }
            }
            device.check()?;
            Ok(Tensor::whole(Storage::ready(device.clone(), self.dtype(), rows * width, out, None), shape.clone()))
        };
        run().unwrap_or_else(|e| super::rows::failed(self.device(), &shape, self.dtype(), e))
    }
}

impl Tensor {
    /// `y[i] = self[i, ids[i]]` for a matrix.
    ///
    /// An id out of range fails the result, or on a GPU the next blocking call.
    pub(crate) fn pick(&self, operator: &'static str, ids: &Tensor) -> Tensor {
        let (n, columns) = (self.shape()[0], self.shape()[1]);
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
                    const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/pick.wgsl")];
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
    let values = elementwise::collect::<R>(prologue);
    ids.iter().enumerate().map(|(i, &id)| values[i * columns + id as usize].to_f64()).collect()
}

/// What both kernels know of ids.
fn ids_of(kernel: &mut Kernel<'_>, operator: &'static str, ids: &Tensor, [rows, width]: [usize; 2], ignore: Ignore) {
    kernel.fault(operator, known_within(ids, rows, ignore));
    kernel.constant("IGNORES", u32::from(ignore.is_some()));
    kernel.word("ignore", ignore.unwrap_or(0) as u32 as usize);
    kernel.word("rows", rows);
    kernel.word("width", width);
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
