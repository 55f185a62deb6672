//! `y[i] = f(x0[i], x1[i], ..)`: plans of elementwise operators, on either device.

use super::{
    emit::{Index, Kernel},
    fuse, fusion,
    parallel::{self, Disjoint},
    split::{self, Operand},
};
use crate::{
    device::Device,
    error::Result,
    shape::{DType, Element, Shape, View, collapse},
    tensor::{
        Op, Real, Scalar, State, Storage, Tensor,
        expr::{Expr, Leaf, MAX_WEIGHT, Output, Plan, Root, Source},
        wgsl,
    },
};
use half::f16;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{borrow::Cow, ops::Range, sync::Arc};

impl Tensor {
    /// Applies an elementwise operator to tensors of shapes that broadcast to `shape`; the result is pending.
    pub(crate) fn map(op: Op, scalars: &[Scalar], args: &[&Tensor], shape: Shape, dtype: DType) -> Tensor {
        debug_assert_eq!(op.arity, args.len(), "{}", op.name);
        let device = args[0].device();
        Tensor::map_on(device, op, scalars, args, shape, dtype)
    }

    /// As [`Tensor::map`], for operators without operands too.
    pub(crate) fn map_on(
        device: &Device,
        op: Op,
        scalars: &[Scalar],
        args: &[&Tensor],
        shape: Shape,
        dtype: DType,
    ) -> Tensor {
        let root = Root::Map(op, scalars.iter().copied().collect());
        pending(device, root, args, shape, dtype)
    }
}

/// A pending tensor. Operands past the weight limit are computed first, which also bounds the depth of drops.
pub(super) fn pending(device: &Device, root: Root, args: &[&Tensor], shape: Shape, dtype: DType) -> Tensor {
    pending_within(device, root, args, shape, dtype, None)
}

/// As [`pending`], of integers that lie within a range.
pub(super) fn pending_within(
    device: &Device,
    root: Root,
    args: &[&Tensor],
    shape: Shape,
    dtype: DType,
    range: Option<(i64, i64)>,
) -> Tensor {
    let weigh = |arg: &&Tensor| match &*arg.storage.state.lock() {
        State::Pending(expr) => expr.weight,
        _ => 0,
    };
    let mut weight = 1 + args.iter().map(weigh).sum::<u32>();
    if weight > MAX_WEIGHT {
        args.iter().for_each(|arg| arg.force());
        weight = 1;
    }
    let len = shape.size();
    let constant = matches!(&root, Root::Map(op, _) if op.is_constant());
    let expr =
        Expr { root, args: args.iter().map(|&a| a.clone()).collect(), shape: shape.clone(), weight, place: None };
    let state = Mutex::new(State::Pending(expr));
    let storage = Arc::new(Storage { device: device.clone(), dtype, len, state, range });
    if !constant {
        fuse::note(&storage);
    }
    let tensor = Tensor::whole(storage, shape);
    if !fusion() {
        tensor.force();
    }
    tensor
}

/// Computes a plan of elementwise operators.
pub(super) fn run(plan: &Plan) -> Result<()> {
    if plan.shape.size() == 0 {
        return Ok(());
    }
    match &plan.device {
        Device::Cpu(_) => {
            plan.device.count_launch();
            match plan.compute {
                DType::F32 => run_cpu::<f32>(plan),
                _ => run_cpu::<f64>(plan),
            }
        }
        Device::Gpu(gpu) => split::run_map(gpu, plan)?,
    }
    Ok(())
}

/// Elements computed at once: their temporaries stay in the first-level cache.
const BLOCK: usize = 2048;

/// A type in which the CPU computes blocks.
pub(super) trait Lane: Real + Element {
    fn block(op: &Op) -> crate::tensor::op::BlockFn<Self>;
    /// Scratch memory of the thread.
    fn scratch<T>(f: impl FnOnce(&mut Vec<Vec<Self>>) -> T) -> T;
}

macro_rules! lane {
    ($t:ty, $field:ident) => {
        impl Lane for $t {
            fn block(op: &Op) -> crate::tensor::op::BlockFn<$t> {
                op.$field
            }
            fn scratch<T>(f: impl FnOnce(&mut Vec<Vec<$t>>) -> T) -> T {
                thread_local!(static KEPT: std::cell::RefCell<Vec<Vec<$t>>> = const { std::cell::RefCell::new(vec![]) });
                let mut own = KEPT.with(|k| std::mem::take(&mut *k.borrow_mut()));
                let out = f(&mut own);
                KEPT.with(|k| *k.borrow_mut() = own);
                out
            }
        }
    };
}
lane!(f32, f32);
lane!(f64, f64);

/// A leaf with its axes merged, to be read in blocks.
struct Reader<'a> {
    leaf: &'a Leaf,
    dims: Vec<usize>,
    strides: Vec<isize>,
}

/// Computes blocks of a plan's nodes.
pub(super) struct Blocks<'a, R> {
    plan: &'a Plan,
    readers: Vec<Reader<'a>>,
    lane: std::marker::PhantomData<R>,
}

impl<'a, R: Lane> Blocks<'a, R> {
    pub fn new(plan: &'a Plan) -> Self {
        let readers = plan
            .leaves
            .iter()
            .map(|leaf| {
                let (dims, mut strides) = collapse(&plan.shape, &[&leaf.strides]);
                Reader { leaf, dims, strides: strides.remove(0) }
            })
            .collect();
        Blocks { plan, readers, lane: std::marker::PhantomData }
    }

    /// Elements `at..at + n` of a leaf, where they lie in memory as `R` one after the other.
    pub fn direct(&self, leaf: usize, at: usize, n: usize) -> Option<&'a [R]> {
        let reader = &self.readers[leaf];
        let linear = reader.dims.is_empty() || (reader.dims.len() == 1 && reader.strides[0] == 1);
        (reader.leaf.dtype == R::DTYPE && linear)
            // SAFETY: a ready leaf is written by nobody but, block by block, by an output that it was donated to.
            .then(|| unsafe { reader.leaf.buffer.host::<R>(reader.leaf.offset + at, n) })
    }

    /// Computes elements `at..at + n` (at most a block) and hands every wanted source's values to `use_`.
    pub fn compute(&self, at: usize, n: usize, wanted: &[Source], use_: impl FnMut(usize, &[R])) {
        self.compute_into(at, n, &[], &[], wanted, use_);
    }

    /// As [`Blocks::compute`], of a kernel's own results if there is one; nodes named in `targets` are computed right
    /// where their values belong.
    fn compute_into(
        &self,
        at: usize,
        n: usize,
        kernel: &[R],
        targets: &[(u16, &Output)],
        wanted: &[Source],
        mut use_: impl FnMut(usize, &[R]),
    ) {
        let plan = self.plan;
        let leaves = plan.leaves.len();
        R::scratch(|scratch| {
            if scratch.len() < leaves + plan.nodes.len() {
                scratch.resize_with(leaves + plan.nodes.len(), Vec::new);
            }
            let mut values: SmallVec<[&[R]; 16]> = SmallVec::new();
            let mut blocks = scratch.iter_mut();
            for (i, reader) in self.readers.iter().enumerate() {
                let block = blocks.next().expect("one a leaf");
                values.push(match self.direct(i, at, n) {
                    Some(there) => there,
                    None => {
                        block.resize(BLOCK, R::ZERO);
                        read(reader, at, &mut block[..n]);
                        &block[..n]
                    }
                });
            }
            values.push(kernel);
            for (k, node) in plan.nodes.iter().enumerate() {
                let block = blocks.next().expect("one a node");
                let out: &mut [R] = match targets.iter().find(|(node, _)| *node as usize == k) {
                    // SAFETY: an output that is no leaf's memory is known to nobody else, and blocks do not overlap.
                    Some((_, output)) => unsafe { output.buffer.host_mut::<R>(output.offset + at, n) },
                    None => {
                        block.resize(BLOCK, R::ZERO);
                        &mut block[..n]
                    }
                };
                let mut args: SmallVec<[&[R]; 4]> = SmallVec::new();
                for arg in &node.args {
                    args.push(values[position(*arg, leaves)]);
                }
                R::block(&node.op)(&args, &node.scalars, at, out);
                values.push(out);
            }
            for (w, source) in wanted.iter().enumerate() {
                use_(w, values[position(*source, leaves)]);
            }
        });
    }
}

/// Where a source's values stand among those of leaves and nodes.
fn position(source: Source, leaves: usize) -> usize {
    match source {
        Source::Leaf(l) => l as usize,
        Source::Kernel => leaves,
        Source::Node(n) => leaves + 1 + n as usize,
    }
}

/// Copies a block of a strided leaf, converted.
fn read<R: Lane>(reader: &Reader<'_>, at: usize, out: &mut [R]) {
    match reader.leaf.dtype {
        DType::F32 => gather::<f32, R>(reader, at, out, |v| R::of(f64::from(v))),
        DType::F64 => gather::<f64, R>(reader, at, out, R::of),
        DType::F16 => gather::<f16, R>(reader, at, out, |v| R::of(v.to_f64())),
        DType::I32 => gather::<i32, R>(reader, at, out, |v| R::of(f64::from(v))),
        DType::U32 => gather::<u32, R>(reader, at, out, |v| R::of(f64::from(v))),
        DType::U8 | DType::Bool => gather::<u8, R>(reader, at, out, |v| R::of(f64::from(v))),
    }
}

fn gather<E: Element, R: Lane>(reader: &Reader<'_>, at: usize, out: &mut [R], convert: impl Fn(E) -> R) {
    walk(&reader.dims, &reader.strides, at, out.len(), |to, from, step, n| {
        let first = (reader.leaf.offset as isize + from) as usize;
        let out = &mut out[to..to + n];
        // SAFETY: the view lies within the buffer, and nobody writes to a ready leaf.
        unsafe {
            match step {
                1 => {
                    let x = reader.leaf.buffer.host::<E>(first, n);
                    out.iter_mut().zip(x).for_each(|(o, &v)| *o = convert(v));
                }
                0 => out.fill(convert(reader.leaf.buffer.host::<E>(first, 1)[0])),
                _ => {
                    let x = reader.leaf.buffer.host::<E>(first, 1).as_ptr();
                    for (i, o) in out.iter_mut().enumerate() {
                        *o = convert(*x.offset(i as isize * step));
                    }
                }
            }
        }
    });
}

/// Calls `f(position, offset, step, n)` for each run along the last axis of elements `at..at + n`.
fn walk(dims: &[usize], strides: &[isize], at: usize, n: usize, mut f: impl FnMut(usize, isize, isize, usize)) {
    let Some((&inner, outer)) = dims.split_last() else {
        return f(0, 0, 0, n);
    };
    let step = strides[dims.len() - 1];
    let mut done = 0;
    while done < n {
        let (mut row, column) = ((at + done) / inner, (at + done) % inner);
        let run = (inner - column).min(n - done);
        let mut offset = column as isize * step;
        for (&d, &s) in outer.iter().zip(strides).rev() {
            offset += (row % d) as isize * s;
            row /= d;
        }
        f(done, offset, step, run);
        done += run;
    }
}

fn run_cpu<R: Lane>(plan: &Plan) {
    let blocks = Blocks::<R>::new(plan);
    // An output in its own memory and of the type computed in takes its values at once; one that lies where a leaf did
    // takes them when nobody reads that block any more.
    let (mut targets, mut staged): (Vec<(u16, &Output)>, Vec<&Output>) = (vec![], vec![]);
    for output in &plan.outputs {
        match output.source {
            Source::Node(node)
                if output.donor.is_none() && output.region.is_none() && output.storage.dtype == R::DTYPE =>
            {
                targets.push((node, output));
            }
            _ => staged.push(output),
        }
    }
    let staged = Outputs::new(staged);
    parallel::ranges(plan.shape.size(), plan.nodes.len().max(1), BLOCK, |range: Range<usize>| {
        for at in range.clone().step_by(BLOCK) {
            let n = BLOCK.min(range.end - at);
            blocks.compute_into(at, n, &[], &targets, &staged.wanted, |w, values| staged.store(w, at, values));
        }
    });
}

/// Where the outputs of a plan go, block by block.
struct Outputs<'a> {
    outputs: Vec<&'a Output>,
    regions: Vec<Option<Region>>,
    wanted: Vec<Source>,
}

impl<'a> Outputs<'a> {
    fn new(outputs: Vec<&'a Output>) -> Outputs<'a> {
        let regions = outputs.iter().map(|o| o.region.as_ref().map(Region::new)).collect();
        Outputs { regions, wanted: outputs.iter().map(|o| o.source).collect(), outputs }
    }

    /// Stores the elements of output `w` from `at` on, converted to its dtype.
    fn store<R: Lane>(&self, w: usize, at: usize, values: &[R]) {
        let output = self.outputs[w];
        // SAFETY: an output is known to nobody else until it is ready, and blocks do not overlap.
        unsafe {
            match &self.regions[w] {
                Some(region) => region.store(&output.buffer, output.storage.dtype, at, values),
                None => store(&output.buffer, output.storage.dtype, output.offset + at, 1, values),
            }
        }
    }
}

/// The operators that follow a kernel on the CPU, applied to parts of its results while they are in the cache.
pub(super) struct Epilogue<'a, R> {
    blocks: Blocks<'a, R>,
    outputs: Outputs<'a>,
}

impl<'a, R: Lane> Epilogue<'a, R> {
    pub fn new(plan: &'a Plan) -> Self {
        Epilogue { blocks: Blocks::new(plan), outputs: Outputs::new(plan.outputs.iter().collect()) }
    }

    /// The output that is the kernel's results as they are, where there is no other.
    pub fn nothing(&self) -> Option<&'a Output> {
        let [output] = self.outputs.outputs[..] else { return None };
        let same = matches!(output.source, Source::Kernel) && output.storage.dtype == R::DTYPE;
        (same && output.region.is_none()).then_some(output)
    }

    /// Stores the plan's outputs for the elements from `at` on, of which these are the kernel's results.
    pub fn apply(&self, at: usize, results: &[R]) {
        for (i, part) in results.chunks(BLOCK).enumerate() {
            let at = at + i * BLOCK;
            self.blocks.compute_into(at, part.len(), part, &[], &self.outputs.wanted, |w, values| {
                self.outputs.store(w, at, values);
            });
        }
    }
}

/// A strided region of memory with its axes merged, to be written in blocks.
struct Region {
    dims: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl Region {
    fn new(view: &View) -> Region {
        let (dims, mut strides) = collapse(&view.shape, &[&view.strides]);
        Region { dims, strides: strides.remove(0), offset: view.offset }
    }

    /// Stores the block of the region's elements from position `at` on.
    ///
    /// # Safety
    /// Nobody else reads or writes these elements, and they are within the buffer.
    unsafe fn store<R: Lane>(&self, buffer: &crate::device::Buffer, dtype: DType, at: usize, values: &[R]) {
        walk(&self.dims, &self.strides, at, values.len(), |from, offset, step, run| {
            let first = (self.offset as isize + offset) as usize;
            // SAFETY: by the caller's promise.
            unsafe { store(buffer, dtype, first, step, &values[from..from + run]) }
        });
    }
}

/// Stores values `step` elements apart, converted to the dtype.
///
/// # Safety
/// Nobody else reads or writes these elements, and they are within the buffer.
unsafe fn store<R: Lane>(buffer: &crate::device::Buffer, dtype: DType, at: usize, step: isize, values: &[R]) {
    /// # Safety
    /// As of `store`.
    unsafe fn put<E: Element, R: Lane>(
        (buffer, at, step): (&crate::device::Buffer, usize, isize),
        values: &[R],
        f: impl Fn(R) -> E,
    ) {
        // SAFETY: by the caller's promise.
        unsafe {
            if step == 1 {
                let out = buffer.host_mut::<E>(at, values.len());
                out.iter_mut().zip(values).for_each(|(o, &v)| *o = f(v));
            } else {
                let first = buffer.host_mut::<E>(at, values.len().min(1)).as_mut_ptr();
                for (i, &v) in values.iter().enumerate() {
                    *first.offset(i as isize * step) = f(v);
                }
            }
        }
    }
    let buffer = (buffer, at, step);
    // SAFETY: by the caller's promise.
    unsafe {
        match dtype {
            DType::F32 => put::<f32, R>(buffer, values, |v| v.to_f64() as f32),
            DType::F64 => put::<f64, R>(buffer, values, |v| v.to_f64()),
            DType::F16 => put::<f16, R>(buffer, values, |v| f16::from_f64(v.to_f64())),
            DType::I32 => put::<i32, R>(buffer, values, |v| v.to_f64() as i32),
            DType::U32 => put::<u32, R>(buffer, values, |v| v.to_f64() as u32),
            DType::U8 => put::<u8, R>(buffer, values, |v| v.to_f64() as u8),
            DType::Bool => put::<u8, R>(buffer, values, |v| u8::from(v != R::ZERO)),
        }
    }
}

/// Writes a tensor into a strided region of fresh memory that nobody reads yet.
pub(super) fn assign(source: Tensor, into: &crate::device::Buffer, view: &View) -> Result<()> {
    if source.size() == 0 {
        return Ok(());
    }
    let dtype = source.dtype();
    let prologue = fuse::prologue(source, &view.shape)?;
    assign_prologue(&prologue, dtype, into, view)
}

/// As [`assign`], for an operand over the shape of the region.
pub(super) fn assign_prologue(
    prologue: &fuse::Prologue,
    dtype: DType,
    into: &crate::device::Buffer,
    view: &View,
) -> Result<()> {
    let shape = &view.shape;
    match &prologue.plan.device {
        Device::Cpu(_) => {
            prologue.plan.device.count_launch();
            match prologue.plan.compute {
                DType::F32 => assign_cpu::<f32>(prologue, into, dtype, view),
                _ => assign_cpu::<f64>(prologue, into, dtype, view),
            }
        }
        Device::Gpu(gpu) => {
            let launch = |prologue: &fuse::Prologue, view: &View| {
                let mut kernel = Kernel::new("assign", gpu, prologue.plan.compute, &[wgsl!("family/assign.wgsl")]);
                kernel.input("x", prologue, Index::Flat);
                kernel.output_view("y", into, dtype, view, Index::Flat);
                kernel.launch_elements(view.size());
            };
            let operands = Operand::of_leaves(&prologue.plan.leaves).chain([Operand::new(into, dtype, &view.strides)]);
            match split::cells(gpu, shape, shape.len(), operands, prologue.plan.nodes.len())? {
                None => launch(prologue, view),
                Some(cells) => cells.iter().for_each(|c| launch(&c.of_prologue(prologue), &c.of_view(view))),
            }
        }
    }
    Ok(())
}

fn assign_cpu<R: Lane>(prologue: &fuse::Prologue, into: &crate::device::Buffer, dtype: DType, view: &View) {
    let blocks = Blocks::<R>::new(&prologue.plan);
    let region = Region::new(view);
    parallel::ranges(view.size(), 1, BLOCK, |range| {
        for at in range.clone().step_by(BLOCK) {
            let n = BLOCK.min(range.end - at);
            // SAFETY: the region is fresh and each of its elements is written once.
            blocks.compute(at, n, &[prologue.source], |_, values| unsafe { region.store(into, dtype, at, values) });
        }
    });
}

/// A whole prologue on the CPU: as it lies in memory where it is memory in order, else as [`collect`] gives it.
pub(super) fn values<R: Lane>(prologue: &fuse::Prologue) -> Cow<'_, [R]> {
    let blocks = Blocks::<R>::new(&prologue.plan);
    match prologue.source {
        Source::Leaf(leaf) if prologue.plan.shape.size() > 0 => {
            match blocks.direct(leaf as usize, 0, prologue.plan.shape.size()) {
                Some(there) => Cow::Borrowed(there),
                None => Cow::Owned(collect(prologue)),
            }
        }
        _ => Cow::Owned(collect(prologue)),
    }
}

/// Reads a whole prologue on the CPU into one vector, for kernels that need all of it.
pub(super) fn collect<R: Lane>(prologue: &fuse::Prologue) -> Vec<R> {
    let n = prologue.plan.shape.size();
    let mut out = vec![R::ZERO; n];
    let blocks = Blocks::<R>::new(&prologue.plan);
    let shared = Disjoint::new(&mut out);
    parallel::ranges(n, prologue.plan.nodes.len().max(1), BLOCK, |range| {
        for at in range.clone().step_by(BLOCK) {
            let n = BLOCK.min(range.end - at);
            blocks.compute(at, n, &[prologue.source], |_, values| {
                // SAFETY: ranges do not overlap.
                unsafe { shared.range(at..at + n) }.copy_from_slice(values);
            });
        }
    });
    out
}
