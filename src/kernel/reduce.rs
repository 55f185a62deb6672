//! `y[o] = combine over r of x[o, r]`: sums, products and extremes.

use super::{
    elementwise::{self, Blocks, Lane},
    emit::{Index, Kernel, fold},
    first,
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    row_passes::{self as passes, fold_columns, fold_rows, folded},
    split::{self, Operand},
    tuner::{self, Question},
};
use crate::{
    device::{Buffer, Device, Gpu, Tag},
    error::Result,
    shape::{self, DType, Shape, View},
    tensor::{
        Op, Pointwise, Real, Storage, Tensor, block,
        expr::{Launcher, Leaf, Operands, Plan, Root, Source},
        wgsl,
    },
};
use smallvec::smallvec;
use std::sync::Arc;

/// How elements are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// `x0 + x1 + ..`; 0 for none.
    Sum,
    /// `x0 * x1 * ..`; 1 for none.
    Prod,
    /// The largest; NaN if any is NaN.
    Max,
    /// The smallest; NaN if any is NaN.
    Min,
}

impl Reduction {
    fn code(self) -> u32 {
        self as u32
    }

    fn start(self) -> f64 {
        match self {
            Reduction::Sum => 0.0,
            Reduction::Prod => 1.0,
            Reduction::Max => f64::NEG_INFINITY,
            Reduction::Min => f64::INFINITY,
        }
    }

    /// The combination of two partial results as an operator.
    pub(super) fn op(self) -> Op {
        match self {
            Reduction::Sum => FOLD_SUM,
            Reduction::Prod => FOLD_PROD,
            Reduction::Max => FOLD_MAX,
            Reduction::Min => FOLD_MIN,
        }
    }

    #[inline(always)]
    fn combine(self, a: f64, b: f64) -> f64 {
        match self {
            Reduction::Sum => a + b,
            Reduction::Prod => a * b,
            Reduction::Max => {
                if b > a || b.is_nan() {
                    b
                } else {
                    a
                }
            }
            Reduction::Min => {
                if b < a || b.is_nan() {
                    b
                } else {
                    a
                }
            }
        }
    }
}

macro_rules! fold_op {
    ($constant:ident, $name:literal, $reduction:ident) => {
        struct $reduction;
        impl Pointwise<2, 0> for $reduction {
            #[inline(always)]
            fn at<R: Real>([a, b]: [R; 2], _: [R; 0]) -> R {
                R::of(Reduction::$reduction.combine(a.to_f64(), b.to_f64()))
            }
        }
        const $constant: Op = Op {
            name: $name,
            files: &[wgsl!("family/fold.wgsl"), wgsl!("math/is_nan.wgsl")],
            arity: 2,
            indexed: false,
            cheap: false,
            f32: block::<f32, $reduction, 2, 0>,
            f64: block::<f64, $reduction, 2, 0>,
        };
    };
}
fold_op!(FOLD_SUM, "fold_sum", Sum);
fold_op!(FOLD_PROD, "fold_prod", Prod);
fold_op!(FOLD_MAX, "fold_max", Max);
fold_op!(FOLD_MIN, "fold_min", Min);

impl Tensor {
    /// Combines elements over `axes` (all of them for `None`); integers stay integers.
    ///
    /// # Panics
    /// When an axis is out of range or repeated, or the extreme of no elements is asked for.
    #[track_caller]
    pub fn reduce(&self, reduction: Reduction, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        use crate::tensor::expect;
        let axes = expect("reduce", shape::axes(axes, self.ndim()), &[self]);
        let out = shape::reduced(self.shape(), &axes, keepdims);
        if matches!(reduction, Reduction::Max | Reduction::Min) && self.size() == 0 && out.size() > 0 {
            let error =
                shape::InvalidType::new("at least one element to take the extreme of", self.shape().to_string());
            return expect("reduce", Err(error), &[self]);
        }
        let dtype = match self.dtype() {
            DType::Bool | DType::U8 if matches!(reduction, Reduction::Sum | Reduction::Prod) => DType::I32,
            d => d,
        };
        if dtype != self.dtype() {
            return self.cast(dtype).reduce(
                reduction,
                Some(&axes.iter().map(|&a| a as isize).collect::<Vec<_>>()),
                keepdims,
            );
        }
        if self.size() == 0 && out.size() > 0 {
            // As a number that is told to kernels: of one in their text, drivers take 0 / 0 and 0 * inf for 0.
            return Tensor::full(out, reduction.start(), dtype, self.device());
        }
        let launcher = Reduce { reduction, axes: axes.to_vec() };
        elementwise::pending(self.device(), Root::Kernel(Arc::new(launcher)), &[self], out, dtype)
    }
}

#[derive(Debug)]
struct Reduce {
    reduction: Reduction,
    axes: Vec<usize>,
}

impl Launcher for Reduce {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let prologue = fuse::whole_prologue(first(args))?;
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                self.run_cpu(prologue, plan);
                Ok(())
            }
            Device::Gpu(gpu) => self.run_gpu(gpu, prologue, plan),
        }
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu()
    }
}

/// Adds the rows of a matrix up, for the outputs of a plan of its columns: the end of a kernel that made parts of sums.
pub(super) fn sum_parts(parts: Tensor, plan: &Plan) -> Result<()> {
    Reduce { reduction: Reduction::Sum, axes: vec![0] }.run(smallvec![parts], plan)
}

/// The kept axes and their number of elements, then the reduced ones and theirs.
pub(super) fn partition(shape: &Shape, axes: &[usize]) -> (Vec<usize>, usize, Vec<usize>, usize) {
    let kept: Vec<usize> = (0..shape.len()).filter(|i| !axes.contains(i)).collect();
    let count = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product();
    (kept.clone(), count(&kept), axes.to_vec(), count(axes))
}

/// How threads share a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A thread for each result.
    Columns,
    /// A workgroup for each result.
    Rows,
    /// Workgroups for parts of each result, which a second kernel combines.
    Parts(usize),
}

/// Where a kernel of a reduction stores its results.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// Through what follows it.
    Epilogue(&'a Plan),
    /// In this part of memory.
    Memory(&'a Buffer, DType, &'a View),
}

impl<'a> Target<'a> {
    fn add(self, kernel: &mut Kernel<'a>) {
        match self {
            Target::Epilogue(plan) => kernel.epilogue(plan, Index::Flat),
            Target::Memory(buffer, dtype, view) => kernel.output_view("", buffer, dtype, view, Index::Flat),
        }
    }
}

impl Reduce {
    fn run_gpu(&self, gpu: &Arc<Gpu>, prologue: Prologue, plan: &Plan) -> Result<()> {
        let (kept, outputs, reduced, _) = partition(&prologue.plan.shape, &self.axes);
        if outputs == 0 {
            return Ok(());
        }
        let mut order = kept.clone();
        order.extend(&reduced);
        let kept = kept.len();
        // Neighbouring threads should read neighbouring memory: along the row if its elements are the closer ones. On a
        // software adapter a barrier costs more than that saves: there a thread takes a row, if there are rows for all.
        let innermost = prologue.plan.shape.len().checked_sub(1);
        let by_row = innermost.is_none_or(|i| self.axes.contains(&i));
        let prologue = prologue.permute(&order);
        let shape = &prologue.plan.shape;
        let mut strides = Shape::from(&shape[..kept]).contiguous_strides();
        strides.resize(shape.len(), 0);
        let results = plan.outputs.iter().map(|o| Operand::new(&o.buffer, o.storage.dtype, &strides));
        let operands = Operand::of_leaves(&prologue.plan.leaves).chain(results);
        match split::cells(gpu, shape, shape.len(), operands, prologue.plan.nodes.len())? {
            None => self.launch_gpu(gpu, &plan.device, &prologue, kept, by_row, Target::Epilogue(plan)),
            Some(cells) => self.run_cells(gpu, plan, &prologue, kept, by_row, &cells),
        }
    }

    /// Reduces cell by cell, then combines what cells along the reduced axes gave.
    fn run_cells(
        &self,
        gpu: &Arc<Gpu>,
        plan: &Plan,
        prologue: &Prologue,
        kept: usize,
        by_row: bool,
        cells: &[split::Cell],
    ) -> Result<()> {
        let (device, compute) = (&plan.device, prologue.plan.compute);
        let results = View::contiguous(Shape::from(&prologue.plan.shape[..kept]));
        let mut planes: Vec<(&[usize], Buffer)> = vec![];
        for cell in cells {
            let along = &cell.start[kept..];
            let plane = match planes.iter().find(|(at, _)| *at == along) {
                Some((_, buffer)) => buffer.clone(),
                None => {
                    let buffer = Tag::Workspace.during(|| device.allocate(results.size() as u64 * 4))?;
                    planes.push((along, buffer.clone()));
                    buffer
                }
            };
            let (part, view) = (cell.of_prologue(prologue), cell.axes(0..kept).of_view(&results));
            self.launch_gpu(gpu, device, &part, kept, by_row, Target::Memory(&plane, compute, &view))?;
        }
        let tensors = planes.into_iter().map(|(_, buffer)| {
            let storage = Storage::ready(device.clone(), compute, results.size(), buffer, None);
            Tensor::whole(storage, plan.shape.clone())
        });
        let fold = |a: Tensor, b: Tensor| Tensor::map(self.reduction.op(), &[], &[&a, &b], plan.shape.clone(), compute);
        let Some(result) = tensors.reduce(fold) else { return Ok(()) };
        let (buffer, offset) = result.buffer()?;
        let strides = plan.shape.contiguous_strides();
        split::run_epilogue(gpu, plan, Leaf { buffer, offset, strides, dtype: compute })
    }

    /// Launches over axes ordered as (kept, reduced).
    fn launch_gpu(
        &self,
        gpu: &Arc<Gpu>,
        device: &Device,
        prologue: &Prologue,
        kept: usize,
        by_row: bool,
        target: Target<'_>,
    ) -> Result<()> {
        let compute = prologue.plan.compute;
        let (results, reduced) = prologue.plan.shape.split_at(kept);
        let (outputs, length): (usize, usize) = (results.iter().product(), reduced.iter().product());
        // Few long sums: first parts of them, by many workgroups.
        const PART: usize = 8192;
        // Loops end after 65,535 turns on some software adapters, and long ones trip the watchdogs of others.
        const LONG: usize = 32_768;
        let parts = length.div_ceil(PART).min(1024);
        let rule = if outputs < 256 && length >= 4 * PART {
            Way::Parts(parts)
        } else if length > LONG || (by_row && length > 32 && !(gpu.is_software() && outputs >= 64)) {
            Way::Rows
        } else {
            Way::Columns
        };
        let mut candidates = vec![rule];
        let others = [(Way::Rows, length > 4), (Way::Columns, length <= LONG), (Way::Parts(parts), parts > 1)];
        candidates.extend(others.into_iter().filter(|&(way, fits)| fits && way != rule).map(|(way, _)| way));
        let question = || {
            // As many operations as an element's way from memory takes.
            let work = 8.0 * outputs as f64 * length as f64;
            let [outputs, length] = [outputs, length].map(tuner::bucket);
            Question { kind: "reduce", about: format!("{outputs} {length} {by_row} {compute:?}"), work }
        };
        let launch = |way| self.launch_way(way, gpu, device, prologue, kept, (outputs, length), target);
        launch(tuner::choose(gpu, question, &candidates, launch)?)
    }

    #[allow(clippy::too_many_arguments)]
    fn launch_way(
        &self,
        way: Way,
        gpu: &Arc<Gpu>,
        device: &Device,
        prologue: &Prologue,
        kept: usize,
        (outputs, length): (usize, usize),
        target: Target<'_>,
    ) -> Result<()> {
        let compute = prologue.plan.compute;
        if let Way::Parts(parts) = way {
            let bytes = (outputs * parts) as u64 * 4;
            let scratch = Tag::Workspace.during(|| device.allocate(bytes))?;
            let view = View::contiguous([outputs * parts]);
            self.launch_rows(
                gpu,
                prologue,
                Index::Split(kept),
                (outputs, length, parts),
                Target::Memory(&scratch, compute, &view),
            );
            let storage = Storage::ready(device.clone(), compute, outputs * parts, scratch.clone(), None);
            let partial = Tensor::whole(storage, Shape::from([outputs, parts]));
            let prologue = fuse::whole_prologue(partial)?;
            self.launch_rows(gpu, &prologue, Index::Split(1), (outputs, parts, 1), target);
        } else if way == Way::Rows {
            self.launch_rows(gpu, prologue, Index::Split(kept), (outputs, length, 1), target);
        } else {
            let files = [wgsl!("math/is_nan.wgsl"), wgsl!("family/combine.wgsl"), wgsl!("family/reduce_columns.wgsl")];
            let mut kernel = Kernel::new("reduce_columns", gpu, compute, &files);
            kernel.constant("REDUCTION", self.reduction.code());
            kernel.rows("x", prologue, kept);
            target.add(&mut kernel);
            kernel.word("length", length);
            kernel.launch_elements(outputs);
        }
        Ok(())
    }

    fn launch_rows<'a>(
        &self,
        gpu: &'a Arc<Gpu>,
        prologue: &'a Prologue,
        index: Index,
        (outputs, length, parts): (usize, usize, usize),
        target: Target<'a>,
    ) {
        const FILES: &[crate::tensor::Wgsl] =
            &[wgsl!("math/is_nan.wgsl"), wgsl!("family/combine.wgsl"), wgsl!("rows/reduce.wgsl")];
        let mut kernel = Kernel::over_rows("reduce_rows", gpu, prologue.plan.compute, FILES);
        kernel.constant("THREADS", 256);
        kernel.constant("REDUCTION", self.reduction.code());
        kernel.input("x", prologue, index);
        target.add(&mut kernel);
        kernel.word("rows", outputs * parts);
        kernel.word("length", length);
        kernel.word("parts", parts);
        kernel.word("part", length.div_ceil(parts));
        kernel.launch(fold(outputs * parts));
    }

    fn run_cpu(&self, prologue: Prologue, plan: &Plan) {
        match prologue.plan.compute {
            DType::F32 => self.run_lanes::<f32>(prologue, plan),
            _ => self.run_lanes::<f64>(prologue, plan),
        }
    }

    /// Over axes ordered as (lead, reduced, tail), where the tail holds the kept axes after the last reduced one.
    fn run_lanes<R: Lane>(&self, prologue: Prologue, plan: &Plan) {
        let shape = prologue.plan.shape.clone();
        let last = self.axes.iter().copied().max().unwrap_or(0);
        let lead: Vec<usize> = (0..shape.len()).filter(|i| !self.axes.contains(i) && *i < last).collect();
        let tail: Vec<usize> = (0..shape.len()).filter(|i| !self.axes.contains(i) && *i > last).collect();
        let count = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product::<usize>();
        let tail = if self.axes.is_empty() { (0..shape.len()).collect() } else { tail };
        let (a, r, b) = (count(&lead), count(&self.axes), count(&tail));
        let order: Vec<usize> = lead.iter().chain(&self.axes).chain(&tail).copied().collect();
        let prologue = prologue.permute(&order);
        let output = &plan.outputs[0];
        let mut sums = vec![self.reduction.start(); a * b];
        if a * b * r > 0 {
            let blocks = Blocks::<R>::new(&prologue.plan);
            if a >= 2 * rayon::current_num_threads() || a * r * b < 1 << 16 {
                let shared = Disjoint::new(&mut sums);
                let whole = match prologue.source {
                    Source::Leaf(leaf) if b == 1 => blocks.direct(leaf as usize, 0, a * r),
                    _ => None,
                };
                parallel::ranges(a, r * b, 1, |range| {
                    if let Some(values) = whole {
                        // SAFETY: as below.
                        let sums = unsafe { shared.range(range.clone()) };
                        return self.fold_rows(&values[range.start * r..range.end * r], r, sums);
                    }
                    for i in range {
                        // SAFETY: each lead position has its own sums.
                        let sums = unsafe { shared.range(i * b..(i + 1) * b) };
                        self.accumulate(&blocks, prologue.source, (i * r * b, r * b), b, sums);
                    }
                });
            } else {
                // Few outputs: parts of the reduced axis side by side, combined at the end.
                let threads = rayon::current_num_threads();
                for i in 0..a {
                    let step = r.div_ceil(threads);
                    let parts = r.div_ceil(step);
                    let mut partial = vec![self.reduction.start(); parts * b];
                    let shared = Disjoint::new(&mut partial);
                    parallel::ranges(parts, step * b, 1, |range| {
                        for part in range {
                            let (from, to) = (part * step, ((part + 1) * step).min(r));
                            // SAFETY: each part has its own sums.
                            let sums = unsafe { shared.range(part * b..(part + 1) * b) };
                            let span = ((i * r + from) * b, (to - from) * b);
                            self.accumulate(&blocks, prologue.source, span, b, sums);
                        }
                    });
                    for part in partial.chunks(b) {
                        for (s, &p) in sums[i * b..(i + 1) * b].iter_mut().zip(part) {
                            *s = self.reduction.combine(*s, p);
                        }
                    }
                }
            }
        }
        // SAFETY: the output is known to nobody else yet.
        unsafe { write_f64(&output.buffer, output.storage.dtype, output.offset, &sums) };
    }

    /// Folds elements `at..at + n`, rows of `b`, into `b` sums.
    fn accumulate<R: Lane>(
        &self,
        blocks: &Blocks<'_, R>,
        source: Source,
        (at, n): (usize, usize),
        b: usize,
        sums: &mut [f64],
    ) {
        let mut done = 0;
        let mut take = |values: &[R]| {
            for values in values.chunks(passes::BLOCK) {
                if b == 1 {
                    sums[0] = self.reduction.combine(sums[0], self.fold(values).to_f64());
                } else {
                    // The end of a row, whole rows, the beginning of one.
                    let column = done % b;
                    let (end, rest) = values.split_at(if column > 0 { (b - column).min(values.len()) } else { 0 });
                    let (rows, begin) = rest.split_at(rest.len() / b * b);
                    self.fold_columns(end, &mut sums[column..][..end.len()]);
                    self.fold_columns(rows, sums);
                    self.fold_columns(begin, &mut sums[..begin.len()]);
                }
                done += values.len();
            }
        };
        if let Source::Leaf(leaf) = source
            && let Some(values) = blocks.direct(leaf as usize, at, n)
        {
            return take(values);
        }
        for from in (0..n).step_by(passes::BLOCK) {
            blocks.compute(at + from, passes::BLOCK.min(n - from), &[source], |_, values| take(values));
        }
    }

    fn fold<R: Lane>(&self, values: &[R]) -> R {
        match self.reduction {
            Reduction::Sum => folded(passes::Sum, values),
            Reduction::Prod => folded(passes::Prod, values),
            Reduction::Max => folded(passes::Max, values),
            Reduction::Min => folded(passes::Min, values),
        }
    }

    fn fold_rows<R: Lane>(&self, rows: &[R], length: usize, sums: &mut [f64]) {
        match self.reduction {
            Reduction::Sum => fold_rows(passes::Sum, rows, length, sums),
            Reduction::Prod => fold_rows(passes::Prod, rows, length, sums),
            Reduction::Max => fold_rows(passes::Max, rows, length, sums),
            Reduction::Min => fold_rows(passes::Min, rows, length, sums),
        }
    }

    fn fold_columns<R: Lane>(&self, rows: &[R], sums: &mut [f64]) {
        if rows.is_empty() {
            return;
        }
        match self.reduction {
            Reduction::Sum => fold_columns(rows, sums, passes::Sum),
            Reduction::Prod => fold_columns(rows, sums, passes::Prod),
            Reduction::Max => fold_columns(rows, sums, passes::Max),
            Reduction::Min => fold_columns(rows, sums, passes::Min),
        }
    }
}

/// # Safety
/// Nobody else reads or writes these elements.
pub(super) unsafe fn write_f64(buffer: &Buffer, dtype: DType, at: usize, values: &[f64]) {
    use crate::shape::Element;
    unsafe fn put<E: Element>(buffer: &Buffer, at: usize, values: &[f64]) {
        // SAFETY: by the caller's promise.
        let out = unsafe { buffer.host_mut::<E>(at, values.len()) };
        out.iter_mut().zip(values).for_each(|(o, &v)| *o = E::from_f64(v));
    }
    // SAFETY: by the caller's promise.
    unsafe {
        match dtype {
            DType::F16 => put::<half::f16>(buffer, at, values),
            DType::F32 => put::<f32>(buffer, at, values),
            DType::F64 => put::<f64>(buffer, at, values),
            DType::I32 => put::<i32>(buffer, at, values),
            DType::U32 => put::<u32>(buffer, at, values),
            DType::U8 | DType::Bool => put::<u8>(buffer, at, values),
        }
    }
}
