//! `y[o, r] = a[o, r] * y[o, r - 1] + b[o, r]`: running sums, running products, and the recurrences of their gradients.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    reduce::write_f64,
    rows::row_threads,
    split::{self, Operand},
};
use crate::{
    device::Device,
    error::Result,
    shape::{DType, View},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

/// What a scan reads beside the result so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sum,
    Product,
    Recurrence,
}

impl Tensor {
    /// `x[0], x[0] + x[1], ..` along the last axis.
    pub(crate) fn running_sum(&self) -> Tensor {
        scan(Kind::Sum, &[self])
    }

    /// `x[0], x[0] * x[1], ..` along the last axis.
    pub(crate) fn running_product(&self) -> Tensor {
        scan(Kind::Product, &[self])
    }

    /// `y[r] = self[r] * y[r - 1] + b[r]` along the last axis, from zero on; `b` is of the same shape.
    pub(crate) fn recurrence(&self, b: &Tensor) -> Tensor {
        scan(Kind::Recurrence, &[self, b])
    }
}

fn scan(kind: Kind, args: &[&Tensor]) -> Tensor {
    let x = args[0];
    let most = split::longest_row(x.device()).min(LONGEST);
    if !x.device().is_cpu() && x.size() > 0 && x.shape()[x.ndim() - 1] > most {
        return scan_by_parts(kind, args, most);
    }
    scan_rows(kind, args)
}

/// Elements of a row that one workgroup runs over, twice and in loops that a software adapter ends after 65,535 turns.
const LONGEST: usize = 1 << 22;

/// One part of at most `most` elements after the other, each from where the one before it ended.
fn scan_by_parts(kind: Kind, args: &[&Tensor], most: usize) -> Tensor {
    let (axis, dtype) = (args[0].ndim() - 1, args[0].dtype());
    // What is carried on is not rounded to halves.
    let args: Vec<Tensor> =
        args.iter().map(|x| if dtype == DType::F16 { x.cast(DType::F32) } else { (*x).clone() }).collect();
    args.iter().for_each(Tensor::force);
    let mut done: Vec<Tensor> = vec![];
    for part in split::parts(args[0].shape()[axis], most) {
        let of: Vec<Tensor> = args.iter().map(|x| x.narrow(axis, part.start, part.len())).collect();
        let rows = |args: &[Tensor]| scan_rows(kind, &args.iter().collect::<Vec<_>>());
        let y = match (kind, done.last().map(|y| y.narrow(axis, y.shape()[axis] - 1, 1))) {
            (_, None) => rows(&of),
            (Kind::Sum, Some(last)) => rows(&of).add(&last),
            (Kind::Product, Some(last)) => rows(&of).mul(&last),
            (Kind::Recurrence, Some(last)) => {
                let (a, b) = (&of[0], &of[1]);
                let first = a.narrow(axis, 0, 1).mul(&last).add(&b.narrow(axis, 0, 1));
                let b = Tensor::concat(&[&first, &b.narrow(axis, 1, part.len() - 1)], axis as isize);
                rows(&[a.clone(), b])
            }
        };
        y.force();
        done.push(y);
    }
    Tensor::concat(&done.iter().collect::<Vec<_>>(), axis as isize).cast(dtype)
}

fn scan_rows(kind: Kind, args: &[&Tensor]) -> Tensor {
    let x = args[0];
    elementwise::pending(x.device(), Root::Kernel(Arc::new(Scan { kind })), args, x.shape().clone(), x.dtype())
}

#[derive(Debug)]
struct Scan {
    kind: Kind,
}

impl Launcher for Scan {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let shape = &plan.shape;
        if shape.size() == 0 {
            return Ok(());
        }
        let length = shape[shape.len() - 1];
        let rows = shape.size() / length;
        let output = &plan.outputs[0];
        let operands = args.into_iter().map(|x| fuse::prologue(x, shape)).collect::<Result<Vec<_>>>()?;
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                let values = match plan.compute {
                    DType::F32 => self.run_cpu::<f32>(&operands, rows, length),
                    _ => self.run_cpu::<f64>(&operands, rows, length),
                };
                // SAFETY: the output is known to nobody else yet.
                unsafe { write_f64(&output.buffer, output.storage.dtype, output.offset, &values) };
            }
            Device::Gpu(gpu) => {
                const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/scan.wgsl")];
                let kept = shape.len() - 1;
                let dtype = output.storage.dtype;
                let view = View { offset: output.offset, ..View::contiguous(shape.clone()) };
                let launch = |a: &Prologue, b: &Prologue, view: &View| {
                    let rows = view.size() / length;
                    let mut kernel = Kernel::new("scan", gpu, plan.compute, FILES);
                    kernel.constant("KIND", self.kind as u32);
                    // The operand that a kind has not is never read.
                    kernel.input("a", a, Index::Split(kept));
                    kernel.input("b", b, Index::Split(kept));
                    kernel.output_view("y", &output.buffer, dtype, view, Index::Flat);
                    let threads = row_threads(&mut kernel, length);
                    kernel.real("start", if self.kind == Kind::Product { 1.0 } else { 0.0 });
                    kernel.word("rows", rows);
                    kernel.word("length", length);
                    kernel.launch(fold(rows.div_ceil(256 / threads)));
                };
                let together = |p| split::with_rows_together(gpu, p, kept);
                let operands = operands.into_iter().map(together).collect::<Result<Vec<_>>>()?;
                let leaves = operands.iter().flat_map(|p| Operand::of_leaves(&p.plan.leaves));
                let all = leaves.chain(Operand::of_result(output, &view));
                let (a, b) = (&operands[0], &operands[operands.len() - 1]);
                match split::cells(gpu, shape, kept, all, 4)? {
                    None => launch(a, b, &view),
                    Some(cells) => {
                        cells.iter().for_each(|c| launch(&c.of_prologue(a), &c.of_prologue(b), &c.of_view(&view)));
                    }
                }
            }
        }
        Ok(())
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        false
    }
}

impl Scan {
    fn run_cpu<R: Lane>(&self, operands: &[fuse::Prologue], rows: usize, length: usize) -> Vec<f64> {
        let a = elementwise::values::<R>(&operands[0]);
        let b = operands.get(1).map(elementwise::values::<R>);
        let mut out = vec![0.0; rows * length];
        let shared = Disjoint::new(&mut out);
        parallel::ranges(rows, length * 4, 1, |range| {
            for at in range.map(|row| row * length) {
                // SAFETY: each row is written once.
                let y = unsafe { shared.range(at..at + length) };
                let mut last = if self.kind == Kind::Product { R::ONE } else { R::ZERO };
                for (r, y) in y.iter_mut().enumerate() {
                    let a = a[at + r];
                    last = match (self.kind, &b) {
                        (Kind::Sum, _) => last + a,
                        (Kind::Recurrence, Some(b)) => last * a + b[at + r],
                        _ => last * a,
                    };
                    *y = last.to_f64();
                }
            }
        });
        out
    }
}
