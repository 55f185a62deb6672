//! Plans in blocks that stay in the cache: what a leaf holds of one, and what the nodes make of it.

use super::fuse::Prologue;
use crate::{
    kernel::parallel::{self, Disjoint},
    shape::{DType, Element, collapse},
    tensor::{
        Op, Real,
        expr::{Leaf, Output, Plan, Source},
    },
};
use half::f16;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Elements computed at once: their temporaries stay in the first-level cache.
pub(in crate::kernel) const BLOCK: usize = 2048;

/// A type in which the CPU computes blocks.
pub(in crate::kernel) trait Lane: Real + Element {
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
pub(in crate::kernel) struct Blocks<'a, R> {
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
    pub(super) fn compute_into(
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
pub(super) fn walk(
    dims: &[usize],
    strides: &[isize],
    at: usize,
    n: usize,
    mut f: impl FnMut(usize, isize, isize, usize),
) {
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

/// An operand on the CPU that is read in order: as it lies in memory, or computed when it is read.
pub(in crate::kernel) struct Reading<'a, R> {
    blocks: Blocks<'a, R>,
    source: Source,
    whole: Option<&'a [R]>,
}

impl<'a, R: Lane> Reading<'a, R> {
    pub fn new(prologue: &'a Prologue) -> Self {
        let (blocks, n) = (Blocks::new(&prologue.plan), prologue.plan.shape.size());
        let whole = match prologue.source {
            Source::Leaf(leaf) if n > 0 => blocks.direct(leaf as usize, 0, n),
            _ => None,
        };
        Reading { blocks, source: prologue.source, whole }
    }

    /// Elements `at..at + n`, kept in `kept` where they are computed.
    pub fn read<'b>(&'b self, at: usize, n: usize, kept: &'b mut Vec<R>) -> &'b [R] {
        if let Some(whole) = self.whole {
            return &whole[at..at + n];
        }
        kept.resize(n, R::ZERO);
        for (i, part) in kept.chunks_mut(BLOCK).enumerate() {
            self.blocks.compute(at + i * BLOCK, part.len(), &[self.source], |_, values| part.copy_from_slice(values));
        }
        kept
    }
}

/// A whole prologue on the CPU: as it lies in memory where it is memory in order, else as [`collect`] gives it.
pub(in crate::kernel) fn values<R: Lane>(prologue: &Prologue) -> Cow<'_, [R]> {
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
pub(in crate::kernel) fn collect<R: Lane>(prologue: &Prologue) -> Vec<R> {
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
