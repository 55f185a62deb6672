//! Where the extremes of rows are.
//!
//! On a GPU elements are read once, and nothing but the positions is written; rows that are looked at in parts are read
//! twice, for the extreme of each part as well. On the CPU a row is read for its extreme, then as far as that lies.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    first,
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    reduce::{Reduction, partition, write_f64},
    row_passes::position,
    rows::{ALONE, row_threads},
    split::{self, Operand},
};
use crate::{
    device::Device,
    error::Result,
    shape::{self, DType, Shape, View},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::{ops::Range, sync::Arc};

impl Tensor {
    /// Position of the largest element along `axis`, the first of equals; `int32`. NaN counts as the largest.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor {
        self.arg_extreme("argmax", axis, true)
    }

    /// Position of the smallest element along `axis`, the first of equals; `int32`. NaN counts as the smallest.
    ///
    /// # Panics
    /// When the axis is out of range or empty.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor {
        self.arg_extreme("argmin", axis, false)
    }

    #[track_caller]
    fn arg_extreme(&self, name: &str, axis: isize, largest: bool) -> Tensor {
        use crate::tensor::expect;
        let axis = expect(name, shape::axis(axis, self.ndim()), &[self]);
        let out = self.shape().remove(axis);
        if self.shape()[axis] == 0 && out.size() > 0 {
            let error = shape::InvalidType::new("at least one element along the axis", self.shape().to_string());
            return expect(name, Err(error), &[self]);
        }
        let most = split::longest_row(self.device()).min(LONGEST);
        if !self.device().is_cpu() && out.size() > 0 && self.shape()[axis] > most {
            return self.arg_extreme_of_parts(axis, largest, most);
        }
        self.arg_extreme_of_rows(axis, largest, out)
    }

    fn arg_extreme_of_rows(&self, axis: usize, largest: bool, out: Shape) -> Tensor {
        let launcher = ArgExtreme { axis, largest };
        elementwise::pending(self.device(), Root::Kernel(Arc::new(launcher)), &[self], out, DType::I32)
    }

    /// The best of the extremes of parts of at most `most` elements.
    fn arg_extreme_of_parts(&self, axis: usize, largest: bool, most: usize) -> Tensor {
        let reduction = if largest { Reduction::Max } else { Reduction::Min };
        self.force();
        let of = |part: Range<usize>| {
            let x = self.narrow(axis, part.start, part.len());
            let value = x.reduce(reduction, Some(&[axis as isize]), false);
            let at = x.arg_extreme_of_rows(axis, largest, value.shape().clone()).add_scalar(part.start as f64);
            value.force();
            at.force();
            (value, at)
        };
        let better = |(value, at): (Tensor, Tensor), (next, next_at): (Tensor, Tensor)| {
            let best = Tensor::map(reduction.op(), &[], &[&value, &next], value.shape().clone(), value.dtype());
            best.force();
            // The first of equals stays, and so does NaN, which equals nothing.
            let stays = best.equal(&value).logical_or(&value.not_equal(&value));
            let at = stays.where_(&at, &next_at);
            at.force();
            (best, at)
        };
        let found = split::parts(self.shape()[axis], most).map(of).reduce(better);
        found.expect("the axis has elements").1
    }
}

/// Elements of a row that one workgroup looks at, in loops that a software adapter ends after 65,535 turns.
const LONGEST: usize = 1 << 23;

#[derive(Debug)]
struct ArgExtreme {
    axis: usize,
    largest: bool,
}

impl Launcher for ArgExtreme {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let prologue = fuse::whole_prologue(first(args))?;
        let (kept, outputs, reduced, length) = partition(&prologue.plan.shape, &[self.axis]);
        let order: Vec<usize> = kept.iter().chain(&reduced).copied().collect();
        let prologue = prologue.permute(&order);
        if outputs == 0 {
            return Ok(());
        }
        let output = &plan.outputs[0];
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                let values = match prologue.plan.compute {
                    DType::F32 => self.positions(&elementwise::values::<f32>(&prologue), length),
                    _ => self.positions(&elementwise::values::<f64>(&prologue), length),
                };
                // SAFETY: the output is known to nobody else yet.
                unsafe { write_f64(&output.buffer, output.storage.dtype, output.offset, &values) };
            }
            Device::Gpu(gpu) => {
                // A row a thread where threads had better not wait for each other.
                let alone = gpu.is_software() && length <= ALONE;
                let files = [
                    wgsl!("math/is_nan.wgsl"),
                    wgsl!("family/arg_better.wgsl"),
                    if alone { wgsl!("family/arg_extreme_four.wgsl") } else { wgsl!("family/arg_extreme.wgsl") },
                ];
                let kept = kept.len();
                let results = View::contiguous(Shape::from(&prologue.plan.shape[..kept]));
                let results = View { offset: output.offset, ..results };
                let launch = |prologue: &Prologue, view: &View| {
                    let rows = view.size();
                    let mut kernel = Kernel::new("arg_extreme", gpu, prologue.plan.compute, &files);
                    kernel.constant("LARGEST", u32::from(self.largest));
                    if alone {
                        kernel.rows("x", prologue, kept);
                    } else {
                        kernel.input("x", prologue, Index::Split(kept));
                    }
                    kernel.integers_view("y", &output.buffer, view);
                    let threads = if alone { 1 } else { row_threads(&mut kernel, length) };
                    kernel.word("rows", rows);
                    kernel.word("length", length);
                    kernel.launch(fold(rows.div_ceil(256 / threads)));
                };
                let prologue = split::with_rows_together(gpu, prologue, kept)?;
                let leaves = &prologue.plan.leaves;
                match split::cells(gpu, &prologue.plan.shape, kept, Operand::of_leaves(leaves), 1)? {
                    None => launch(&prologue, &results),
                    Some(cells) => {
                        cells.iter().for_each(|c| launch(&c.of_prologue(&prologue), &c.axes(0..kept).of_view(&results)))
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

impl ArgExtreme {
    fn positions<R: Lane>(&self, values: &[R], length: usize) -> Vec<f64> {
        let mut positions = vec![0.0; values.len() / length];
        let shared = Disjoint::new(&mut positions);
        parallel::ranges(values.len() / length, length, 1, |range| {
            for row in range {
                let values = &values[row * length..(row + 1) * length];
                // SAFETY: each row has its own.
                let place = unsafe { shared.range(row..row + 1) };
                place[0] = position(values, self.largest) as f64;
            }
        });
        positions
    }
}
