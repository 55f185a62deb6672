//! Where elements lie: shapes, strides and offsets as parameters, and the arithmetic that finds an element by them.

use super::{Index, Kernel};
use crate::{
    shape::{DType, View, collapse},
    tensor::expr::{Leaf, Output, Plan},
};
use smallvec::SmallVec;
use std::fmt::Write;

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
    pub(super) fn address(&mut self, name: &'static str, plan: &Plan, index: Index) -> Addressing {
        self.address_lanes(name, plan, index, 1)
    }

    /// Of the plan's leaves, and after them of the outputs that have a region.
    pub(super) fn address_lanes(&mut self, name: &'static str, plan: &Plan, index: Index, lanes: u8) -> Addressing {
        self.key.extend(plan.outputs.iter().map(|o| u8::from(o.region.is_some())));
        let mut at = if plan.outputs.iter().any(|o| o.region.is_some()) {
            let regions = plan.outputs.iter().filter_map(|o| {
                let View { strides, offset, .. } = o.region.clone()?;
                Some(Leaf { buffer: o.buffer.clone(), offset, strides, dtype: o.storage.dtype })
            });
            let all: Vec<Leaf> = plan.leaves.iter().cloned().chain(regions).collect();
            self.address_bound(name, &plan.shape, &all, index)
        } else {
            self.address_bound(name, &plan.shape, &plan.leaves, index)
        };
        for (l, leaf) in plan.leaves.iter().enumerate() {
            // A leaf that repeats along the last axis is read one element at a time and splat.
            let splat = at.groups.last().is_none_or(|g| g.rank == 0 || g.steps[l].last() == Some(&Step::Zero));
            let binding = self.bind(&leaf.buffer, leaf.dtype, if splat { 1 } else { lanes }, true);
            at.bindings.push(binding);
        }
        at
    }

    /// Merges axes and lays down the parameters; bindings are added by the caller.
    pub(super) fn address_bound(
        &mut self,
        name: &'static str,
        shape: &[usize],
        leaves: &[Leaf],
        index: Index,
    ) -> Addressing {
        let cuts: SmallVec<[std::ops::Range<usize>; 2]> = match index {
            Index::Flat => smallvec::smallvec![0..shape.len()],
            Index::Split(k) => SmallVec::from_iter([0..k, k..shape.len()]),
        };
        let mut groups = Vec::with_capacity(2);
        for (g, range) in cuts.iter().enumerate() {
            let strides: SmallVec<[&[isize]; 8]> = leaves.iter().map(|l| &l.strides[range.clone()]).collect();
            let (dims, strides) = collapse(&shape[range.clone()], &strides);
            self.key.push(dims.len() as u8);
            for (d, &n) in dims.iter().enumerate().skip(1) {
                self.field(Field::Dim(name, g as u8, d as u8), false, n as u32);
            }
            let mut steps = Vec::with_capacity(leaves.len());
            for (l, s) in strides.iter().enumerate() {
                let mut of_leaf = SmallVec::new();
                for (d, &stride) in s.iter().enumerate() {
                    let step = Step::of(stride);
                    self.key.push(step as u8);
                    if step == Step::Parameter {
                        self.field(Field::Stride(name, l as u8, g as u8, d as u8), false, stride as i32 as u32);
                    }
                    of_leaf.push(step);
                }
                steps.push(of_leaf);
            }
            groups.push(Group { rank: dims.len(), steps });
        }
        for (l, leaf) in leaves.iter().enumerate() {
            self.field(Field::Offset(name, l as u8), false, leaf.offset as u32);
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
    if plan.outputs.iter().any(|o| o.offset % 4 != 0 || o.region.is_some()) {
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
    }) && plan.leaves.iter().all(|leaf| {
        // One buffer under two element types would be two bindings, one of them written.
        let written = plan.outputs.iter().any(|o| o.buffer.id() == leaf.buffer.id());
        !written || plan.leaves.iter().filter(|l| l.buffer.id() == leaf.buffer.id()).count() == 1
    })
}

/// Whether a leaf's memory goes on to a multiple of four elements.
pub(super) fn leaf_padded(leaf: &Leaf, n: usize) -> bool {
    let width = if leaf.dtype == DType::F16 { 2 } else { 4 };
    ((leaf.offset + n.next_multiple_of(4)) * width) as u64 <= leaf.buffer.capacity()
}
