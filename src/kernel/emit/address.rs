//! Where elements lie: shapes, strides and offsets as parameters, and the arithmetic that finds an element by them.

use super::{super::split::Within, Index, Kernel};
use crate::{
    device::Buffer,
    error::{Error, Result},
    shape::{DType, collapse},
    tensor::expr::{Leaf, Output, Plan},
};
use smallvec::SmallVec;
use std::{fmt::Write, ops::Range};

#[derive(Clone, Copy)]
pub(super) enum Field {
    Named(&'static str),
    Dim(&'static str, u8, u8),
    Offset(&'static str, u8),
    Stride(&'static str, u8, u8, u8),
    Scalar(&'static str, u8, u8),
}

impl Field {
    pub(super) fn name(self) -> String {
        match self {
            Field::Named(name) => name.into(),
            Field::Dim(p, g, d) => format!("{p}_dim{g}_{d}"),
            Field::Offset(p, l) => format!("{p}_at{l}"),
            Field::Stride(p, l, g, d) => format!("{p}_step{l}_{g}_{d}"),
            Field::Scalar(p, n, k) => format!("{p}_c{n}_{k}"),
        }
    }
}

/// How a stride enters the text.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Step {
    Zero,
    One,
    Parameter,
}

impl Step {
    fn of(stride: isize) -> Step {
        match stride {
            0 => Step::Zero,
            1 => Step::One,
            _ => Step::Parameter,
        }
    }
}

/// Merged axes of one index, and for each operand its steps along them.
pub(super) struct Group {
    rank: usize,
    steps: Vec<SmallVec<[Step; 4]>>,
}

/// Where elements of several operands lie, for one way of addressing.
pub(super) struct Addressing {
    pub(super) groups: Vec<Group>,
    pub(super) bindings: Vec<usize>,
}

impl Kernel<'_> {
    /// Binds a plan's leaves, and lays down the parameters that find their elements, and those of outputs in regions;
    /// for a cell also what finds the position of an element in the whole, as the last operand.
    pub(super) fn address(
        &mut self,
        name: &'static str,
        plan: &Plan,
        outputs: &[usize],
        index: Index,
        lanes: u8,
        within: Option<&Within>,
    ) -> Addressing {
        self.key.extend(plan.outputs.iter().map(|o| u8::from(o.region.is_some())));
        self.key.push(u8::from(within.is_some()));
        let regions = || plan.outputs.iter().zip(outputs).filter_map(|(o, &b)| Some((o.region.as_ref()?, b)));
        let mut strides: SmallVec<[&[isize]; 8]> = plan.leaves.iter().map(|l| &l.strides[..]).collect();
        strides.extend(regions().map(|(region, _)| &region.strides[..]));
        strides.extend(within.map(|w| &w.strides[..]));
        let mut at = self.steps(name, &plan.shape, &strides, index);
        for (l, leaf) in plan.leaves.iter().enumerate() {
            // A leaf that repeats along the last axis is read one element at a time and splat.
            let splat = at.groups.last().is_none_or(|g| g.rank == 0 || g.steps[l].last() == Some(&Step::Zero));
            let lanes = if splat { 1 } else { lanes };
            let mut reach = reach(&plan.shape, &leaf.strides, leaf.offset);
            reach.end = reach.end.next_multiple_of(lanes as usize);
            let binding = self.bind(&leaf.buffer, leaf.dtype, lanes, true, reach);
            self.position_word(Field::Offset(name, l as u8), Some(binding), leaf.offset);
            at.bindings.push(binding);
        }
        let mut l = plan.leaves.len();
        for (region, binding) in regions() {
            self.position_word(Field::Offset(name, l as u8), Some(binding), region.offset);
            l += 1;
        }
        if let Some(within) = within {
            self.position_word(Field::Offset(name, l as u8), None, within.first);
        }
        at
    }

    /// Merges axes and lays down lengths and strides; bindings and positions are added by the caller.
    pub(super) fn steps(
        &mut self,
        name: &'static str,
        shape: &[usize],
        operands: &[&[isize]],
        index: Index,
    ) -> Addressing {
        let cuts: SmallVec<[Range<usize>; 2]> = match index {
            Index::Flat => smallvec::smallvec![0..shape.len()],
            Index::Split(k) => SmallVec::from_iter([0..k, k..shape.len()]),
        };
        let mut groups = Vec::with_capacity(2);
        for (g, range) in cuts.iter().enumerate() {
            let strides: SmallVec<[&[isize]; 8]> = operands.iter().map(|s| &s[range.clone()]).collect();
            let (dims, strides) = collapse(&shape[range.clone()], &strides);
            self.key.push(dims.len() as u8);
            for (d, &n) in dims.iter().enumerate().skip(1) {
                self.field(Field::Dim(name, g as u8, d as u8), false, n as u32);
            }
            let mut steps = Vec::with_capacity(operands.len());
            for (l, s) in strides.iter().enumerate() {
                let mut of_operand = SmallVec::new();
                for (d, &stride) in s.iter().enumerate() {
                    let step = Step::of(stride);
                    self.key.push(step as u8);
                    if step == Step::Parameter {
                        self.field(Field::Stride(name, l as u8, g as u8, d as u8), false, stride as i32 as u32);
                    }
                    of_operand.push(step);
                }
                steps.push(of_operand);
            }
            groups.push(Group { rank: dims.len(), steps });
        }
        Addressing { groups, bindings: vec![] }
    }

    /// Where each output of a plan is written.
    pub(super) fn output_positions(&self, name: &str, plan: &Plan, at: &Addressing) -> Vec<String> {
        let mut regions = plan.leaves.len()..;
        let one = |(k, output): (usize, &Output)| match output.region {
            None => format!("p.y_at{k} + i"),
            Some(_) => self.sum(name, at, regions.next().expect("it has no end")),
        };
        plan.outputs.iter().enumerate().map(one).collect()
    }

    /// The bytes of a buffer that a kernel is to see: all of them, where a binding may be that large.
    pub(super) fn window(&self, buffer: &Buffer, dtype: DType, reach: Range<usize>) -> Range<u64> {
        /// What every adapter accepts as the start of a binding.
        const ALIGN: u64 = 256;
        let all = buffer.whole_bytes();
        if all <= self.gpu.max_binding() {
            return 0..all;
        }
        let width = word_size(dtype);
        let start = (reach.start as u64 * width) / ALIGN * ALIGN;
        start..(reach.end as u64 * width).next_multiple_of(16).clamp(start + 16, all)
    }

    /// Fills in positions, now that it is known what each binding shows.
    pub(super) fn place(&mut self) -> Result<()> {
        let most = self.gpu.max_binding();
        if self.bound.len() > self.gpu.max_bindings() {
            return Err(Error::Unsupported {
                what: format!("the kernel {} over {} parts of memory", self.name, self.bound.len()),
                device: self.gpu.name().into(),
                need: format!("a kernel binds at most {}", self.gpu.max_bindings()),
                hint: "split the tensors, or use the CPU device".into(),
            });
        }
        if let Some(b) = self.bound.iter().find(|b| b.window.end - b.window.start > most) {
            return Err(Error::Unsupported {
                what: format!("the kernel {} over {} bytes of one tensor", self.name, b.window.end - b.window.start),
                device: self.gpu.name().into(),
                need: format!("one binding shows at most {most} bytes"),
                hint: "split the tensor, or use the CPU device".into(),
            });
        }
        // One buffer read by one binding and written by another: wgpu takes it if both may write.
        for at in 0..self.bound.len() {
            let id = self.bound[at].buffer.id();
            let written = self.bound.iter().any(|b| !b.read_only && b.buffer.id() == id);
            self.bound[at].read_only &= !written;
        }
        for &(word, binding, element) in &self.positions {
            let base = binding.map_or(0, |b| {
                let bound = &self.bound[b as usize];
                (bound.window.start / word_size(bound.dtype)) as usize
            });
            self.words[word as usize] = u32::try_from(element - base).map_err(|_| Error::Unsupported {
                what: format!("the kernel {} at element {element}", self.name),
                device: self.gpu.name().into(),
                need: "positions are 32 bits".into(),
                hint: "split the tensor, or use the CPU device".into(),
            })?;
        }
        Ok(())
    }

    /// Writes the coordinates that operand `l` needs and returns its position.
    pub(super) fn position(&self, t: &mut String, name: &str, at: &Addressing, l: usize, args: &[&str]) -> String {
        self.coordinates(t, name, at, args);
        self.sum(name, at, l)
    }

    pub(super) fn coordinates(&self, t: &mut String, name: &str, at: &Addressing, args: &[&str]) {
        for (g, arg) in args.iter().enumerate() {
            self.coordinates_of(t, name, at, g, arg);
        }
    }

    /// Writes the coordinates of one group from the position in it.
    pub(super) fn coordinates_of(&self, t: &mut String, name: &str, at: &Addressing, g: usize, arg: &str) {
        match at.groups[g].rank {
            0 => {}
            1 => {
                let _ = writeln!(t, "    let c{g}_0 = {arg};");
            }
            rank => {
                let mut rest = arg.to_string();
                for d in (1..rank).rev() {
                    let _ = writeln!(t, "    let c{g}_{d} = {rest} % p.{name}_dim{g}_{d};");
                    let _ = writeln!(t, "    let q{g}_{d} = {rest} / p.{name}_dim{g}_{d};");
                    rest = format!("q{g}_{d}");
                }
                let _ = writeln!(t, "    let c{g}_0 = {rest};");
            }
        }
    }

    pub(super) fn sum(&self, name: &str, at: &Addressing, l: usize) -> String {
        let mut s = format!("p.{name}_at{l}");
        for g in 0..at.groups.len() {
            s.push_str(&self.along(name, at, l, g));
        }
        s
    }

    /// What the coordinates of one group add to a position.
    pub(super) fn along(&self, name: &str, at: &Addressing, l: usize, g: usize) -> String {
        let mut s = String::new();
        for (d, step) in at.groups[g].steps[l].iter().enumerate() {
            match step {
                Step::Zero => {}
                Step::One => {
                    let _ = write!(s, " + c{g}_{d}");
                }
                Step::Parameter => {
                    let _ = write!(s, " + c{g}_{d} * p.{name}_step{l}_{g}_{d}");
                }
            }
        }
        s
    }
}

/// Whether four neighbours can be read and written at once.
pub(super) fn vectorises(plan: &Plan) -> bool {
    let strides: SmallVec<[&[isize]; 8]> = plan.leaves.iter().map(|l| &l.strides[..]).collect();
    let (dims, strides) = collapse(&plan.shape, &strides);
    if !outputs_vectorise(plan) {
        return false;
    }
    // A single element is read as such: as a vector, its leaf would be splat and its output not.
    let Some(&inner) = dims.last() else { return false };
    // Past the end of a row-major whole there is the padding of its size class; past the end of a row there is the next.
    if dims.len() > 1 && inner % 4 != 0 {
        return false;
    }
    plan.leaves.iter().zip(&strides).all(|(leaf, s)| match s[s.len() - 1] {
        0 => true,
        1 => {
            leaf.offset % 4 == 0
                && s[..s.len() - 1].iter().all(|t| t % 4 == 0)
                && (dims.len() > 1 || leaf_padded(leaf, inner))
        }
        _ => false,
    })
}

/// Whether outputs can be written by four: none in a region, and of no buffer under two element types, which would be two
/// bindings, one of them written.
fn outputs_vectorise(plan: &Plan) -> bool {
    plan.outputs.iter().all(|o| o.offset % 4 == 0 && o.region.is_none())
        && plan.leaves.iter().all(|leaf| {
            let written = plan.outputs.iter().any(|o| o.buffer.id() == leaf.buffer.id());
            !written || plan.leaves.iter().filter(|l| l.buffer.id() == leaf.buffer.id()).count() == 1
        })
}

/// Whether a kernel can store four neighbouring results of a row of `columns` at once, rows counted over the first `lead`
/// axes, and apply the operators that follow to them.
pub(in crate::kernel) fn epilogue_vectorises(plan: &Plan, lead: usize, columns: usize) -> bool {
    columns.is_multiple_of(4) && outputs_vectorise(plan) && rows_vectorise(plan, lead)
}

/// Whether four neighbours of a row, counted over the axes from `lead` on, can be read at once.
pub(super) fn rows_vectorise(plan: &Plan, lead: usize) -> bool {
    let strides = |axes: Range<usize>| -> SmallVec<[&[isize]; 8]> {
        plan.leaves.iter().map(|l| &l.strides[axes.clone()]).collect()
    };
    let all = plan.shape.len();
    let (_, outer) = collapse(&plan.shape[..lead], &strides(0..lead));
    let (dims, inner) = collapse(&plan.shape[lead..], &strides(lead..all));
    let Some(&length) = dims.last() else { return false };
    let whole = dims.len() == 1 || length % 4 == 0;
    let fits = |((leaf, outer), inner): ((&Leaf, &Vec<isize>), &Vec<isize>)| match inner.split_last() {
        Some((0, _)) => true,
        Some((1, others)) => leaf.offset % 4 == 0 && others.iter().chain(outer).all(|s| s % 4 == 0),
        _ => false,
    };
    whole && plan.nodes.iter().all(|n| !n.op.indexed) && plan.leaves.iter().zip(&outer).zip(&inner).all(fits)
}

/// Whether a leaf's memory goes on to a multiple of four elements.
pub(super) fn leaf_padded(leaf: &Leaf, n: usize) -> bool {
    leaf.offset + n.next_multiple_of(4) <= elements(&leaf.buffer, leaf.dtype)
}

/// Bytes of an element in a GPU's memory.
fn word_size(dtype: DType) -> u64 {
    if dtype == DType::F16 { 2 } else { 4 }
}

/// Elements that a buffer has room for.
pub(super) fn elements(buffer: &Buffer, dtype: DType) -> usize {
    (buffer.capacity() / word_size(dtype)) as usize
}

/// The first element of an operand over a shape, and one past its last, in memory.
pub(super) fn reach(shape: &[usize], strides: &[isize], offset: usize) -> Range<usize> {
    let (mut low, mut high) = (offset as isize, offset as isize + 1);
    for (&n, &s) in shape.iter().zip(strides) {
        let run = (n.max(1) as isize - 1) * s;
        if run < 0 { low += run } else { high += run }
    }
    low as usize..high as usize
}
