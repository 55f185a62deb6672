//! Work that one kernel cannot do: operands larger than a binding shows, and dispatches that would run for too long.
//!
//! Such work is cut into cells: parts of the shape along its axes, chosen so that what each operand contributes to a
//! cell lies within a binding.

use super::{
    elementwise,
    emit::{Kernel, MOST_IN_TURN},
    fuse::Prologue,
};
use crate::{
    device::{Buffer, Device, Gpu, Tag},
    error::{Error, Result},
    shape::{DType, Shape, View},
    tensor::{
        expr::{Leaf, Output, Plan, Source},
        wgsl,
    },
};
use smallvec::SmallVec;
use std::{ops::Range, sync::Arc};

/// Lies around a cell: where its elements are in the whole.
pub(crate) struct Within {
    /// Row-major strides of the whole.
    pub strides: SmallVec<[isize; 6]>,
    /// Position of the cell's first element.
    pub first: usize,
}

/// A part of a shape.
pub(super) struct Cell {
    pub start: SmallVec<[usize; 6]>,
    pub shape: Shape,
}

impl Cell {
    /// Where its first element lies, by these strides.
    pub fn first(&self, strides: &[isize]) -> isize {
        self.start.iter().zip(strides).map(|(&at, &s)| at as isize * s).sum()
    }

    /// What of a view lies in the cell.
    pub fn of_view(&self, view: &View) -> View {
        let offset = (view.offset as isize + self.first(&view.strides)) as usize;
        View { shape: self.shape.clone(), strides: view.strides.clone(), offset }
    }

    /// What of an operand lies in the cell; the whole is to be kept until that has run.
    pub fn of_prologue(&self, whole: &Prologue) -> Prologue {
        let plan = &whole.plan;
        let plan = Plan {
            device: plan.device.clone(),
            shape: self.shape.clone(),
            compute: plan.compute,
            leaves: self.leaves(&plan.leaves),
            nodes: plan.nodes.clone(),
            outputs: vec![],
        };
        Prologue::of(plan, whole.source)
    }

    /// What of a plan lies in the cell; `whole` are the row-major strides of the plan's shape.
    pub fn of_plan(&self, plan: &Plan, whole: &[isize]) -> Plan {
        let outputs = plan.outputs.iter().cloned().map(|mut o| {
            let view = self.of_view(&region(&o, &plan.shape, whole));
            if o.region.is_none() && view.is_contiguous() {
                o.offset = view.offset;
            } else {
                o.region = Some(view);
            }
            o
        });
        Plan {
            device: plan.device.clone(),
            shape: self.shape.clone(),
            compute: plan.compute,
            leaves: self.leaves(&plan.leaves),
            nodes: plan.nodes.clone(),
            outputs: outputs.collect(),
        }
    }

    /// The cell along the first `n` axes, or along those after them.
    pub fn axes(&self, range: Range<usize>) -> Cell {
        Cell {
            start: self.start[range.clone()].iter().copied().collect(),
            shape: self.shape[range].iter().copied().collect(),
        }
    }

    fn leaves(&self, leaves: &[Leaf]) -> Vec<Leaf> {
        let part =
            |leaf: &Leaf| Leaf { offset: (leaf.offset as isize + self.first(&leaf.strides)) as usize, ..leaf.clone() };
        leaves.iter().map(part).collect()
    }
}

/// An operand of the work to be cut: its memory, and how it runs along the axes.
pub(super) struct Operand {
    strides: SmallVec<[isize; 6]>,
    width: u64,
    capacity: u64,
}

impl Operand {
    pub fn new(buffer: &Buffer, dtype: DType, strides: &[isize]) -> Operand {
        let width = if dtype == DType::F16 { 2 } else { 4 };
        Operand { strides: strides.iter().copied().collect(), width, capacity: buffer.whole_bytes() }
    }

    pub fn of_leaves(leaves: &[Leaf]) -> impl Iterator<Item = Operand> {
        leaves.iter().map(|l| Operand::new(&l.buffer, l.dtype, &l.strides))
    }

    /// A plan's outputs, as they lie over its shape; `whole` are the row-major strides of that.
    pub fn of_results(plan: &Plan, whole: &[isize]) -> impl Iterator<Item = Operand> {
        plan.outputs.iter().map(move |o| {
            let strides = o.region.as_ref().map_or(whole, |r| &r.strides);
            Operand::new(&o.buffer, o.storage.dtype, strides)
        })
    }

    /// Memory still to be had, of `size` words.
    pub fn of_new(size: usize, strides: &[isize]) -> Operand {
        Operand { strides: strides.iter().copied().collect(), width: 4, capacity: size as u64 * 4 }
    }

    /// Whether one binding does not show all of its memory.
    pub fn exceeds(&self, gpu: &Gpu) -> bool {
        self.capacity > gpu.max_binding()
    }

    /// The operand over further axes as well, along which it repeats.
    pub fn over(mut self, axes: usize) -> Operand {
        self.strides.resize(axes, 0);
        self
    }

    /// A plan's output, as it lies over a view of its shape.
    pub fn of_result(output: &Output, view: &View) -> impl Iterator<Item = Operand> {
        std::iter::once(Operand::new(&output.buffer, output.storage.dtype, &view.strides))
    }

    /// Bytes along one axis of a cell.
    fn run(&self, cell: &[usize], axis: usize) -> u64 {
        (cell[axis] as u64 - 1) * self.strides[axis].unsigned_abs() as u64 * self.width
    }

    fn bytes(&self, cell: &[usize]) -> u64 {
        (0..cell.len()).map(|axis| self.run(cell, axis)).sum::<u64>() + self.width
    }
}

/// Bytes that a window shows wherever it begins.
fn window(gpu: &Gpu) -> u64 {
    // Windows begin at multiples of 256 bytes and end at multiples of 16.
    gpu.max_binding().saturating_sub(512).max(16)
}

/// Elements of a row that a kernel is shown whole; the CPU's are shown any number.
pub(super) fn longest_row(device: &Device) -> usize {
    match device {
        Device::Cpu(_) => usize::MAX,
        Device::Gpu(gpu) => usize::try_from(window(gpu) / 4).unwrap_or(usize::MAX),
    }
}

/// The parts of `0..length` of at most so many elements each.
pub(super) fn parts(length: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length).step_by(most).map(move |start| start..(start + most).min(length))
}

/// The cells of `shape`, cut along its first `axes` axes; `None` where one kernel does.
///
/// `weight` is how many operations an element takes, as far as is known.
pub(super) fn cells(
    gpu: &Gpu,
    shape: &Shape,
    axes: usize,
    operands: impl Iterator<Item = Operand>,
    weight: usize,
) -> Result<Option<Vec<Cell>>> {
    cells_of(gpu, shape, axes, operands, gpu.max_work() / weight.max(1))
}

/// As [`cells`], of at most `work` elements each.
pub(super) fn cells_of(
    gpu: &Gpu,
    shape: &Shape,
    axes: usize,
    operands: impl Iterator<Item = Operand>,
    work: usize,
) -> Result<Option<Vec<Cell>>> {
    let most = window(gpu);
    let large: SmallVec<[Operand; 4]> = operands.filter(|o| o.exceeds(gpu)).collect();
    let refused = |(elements, exceeded): (usize, Exceeded)| Error::Unsupported {
        what: format!("an operator over rows of {elements} elements"),
        device: gpu.name().into(),
        need: match exceeded {
            Exceeded::Binding => format!("one binding shows at most {} bytes", gpu.max_binding()),
            Exceeded::Count => format!("a kernel counts at most {MOST_ELEMENTS} elements"),
        },
        hint: "split the tensor, or use the CPU device".into(),
    };
    let cell = cut(shape, axes, &large, most, work).map_err(refused)?;
    if cell == *shape {
        return Ok(None);
    }
    let mut found = vec![];
    let mut start: SmallVec<[usize; 6]> = SmallVec::from_elem(0, shape.len());
    loop {
        let part = (0..shape.len()).map(|a| cell[a].min(shape[a] - start[a])).collect();
        found.push(Cell { start: start.clone(), shape: part });
        let Some(axis) = (0..shape.len()).rev().find(|&a| start[a] + cell[a] < shape[a]) else { break };
        start[axis] += cell[axis];
        start[axis + 1..].fill(0);
    }
    Ok(Some(found))
}

/// Elements of a launch at most: kernels count them in words of 32 bits.
const MOST_ELEMENTS: usize = 1 << 31;

/// What a row that cannot be cut exceeds.
#[derive(Debug, PartialEq, Eq)]
enum Exceeded {
    Binding,
    Count,
}

/// The shape of cells in which each operand reaches over at most so many bytes, of at most so many elements each, as far
/// as its first `axes` axes can be cut; else the elements of a row, and what they exceed.
fn cut(
    shape: &Shape,
    axes: usize,
    operands: &[Operand],
    most_bytes: u64,
    work: usize,
) -> std::result::Result<Shape, (usize, Exceeded)> {
    let work = work.clamp(1, MOST_ELEMENTS);
    let mut cell = shape.clone();
    while cell.size() > 0 {
        let axis = match operands.iter().find(|o| o.bytes(&cell) > most_bytes) {
            Some(o) => {
                let widest = |&a: &usize| (o.run(&cell, a), std::cmp::Reverse(a));
                let axis = (0..axes).filter(|&a| cell[a] > 1).max_by_key(widest);
                axis.ok_or((cell.size(), Exceeded::Binding))?
            }
            None if cell.size() <= work => break,
            // The first axis keeps cells in one piece; a row that is too much work for itself is left whole.
            None => match (0..axes).find(|&a| cell[a] > 1) {
                Some(axis) => axis,
                None if cell.size() <= MOST_ELEMENTS => break,
                None => return Err((cell.size(), Exceeded::Count)),
            },
        };
        cell = cell.with(axis, cell[axis].div_ceil(2));
    }
    Ok(cell)
}

/// How many of these operands, one at least, a kernel can write into regions of memory one after the other.
pub(super) fn in_one_launch(gpu: &Gpu, parts: &[(Prologue, View)], into: &Buffer) -> usize {
    let mut buffers: SmallVec<[(u64, DType); 16]> = SmallVec::new();
    let (mut work, mut found) = (0, 0);
    for (prologue, view) in parts.iter().take(MOST_IN_TURN) {
        let plan = &prologue.plan;
        let alone = Operand::of_leaves(&plan.leaves).any(|o| o.exceeds(gpu)) || into.whole_bytes() > gpu.max_binding();
        for leaf in &plan.leaves {
            let one = (leaf.buffer.id(), leaf.dtype);
            if !buffers.contains(&one) {
                buffers.push(one);
            }
        }
        work += view.size() * plan.nodes.len().max(1);
        if alone || buffers.len() >= gpu.max_bindings() || work > gpu.max_work() {
            break;
        }
        found += 1;
    }
    found.max(1)
}

/// An operand for kernels that take whole rows: itself, or a copy whose rows lie in one piece, where rows of its own
/// reach over more than a binding.
pub(super) fn with_rows_together(gpu: &Gpu, prologue: Prologue, kept: usize) -> Result<Prologue> {
    let plan = &prologue.plan;
    if cells(gpu, &plan.shape, kept, Operand::of_leaves(&plan.leaves), 1).is_ok() {
        return Ok(prologue);
    }
    let view = View::contiguous(plan.shape.clone());
    let into = Tag::Workspace.during(|| plan.device.allocate(view.size() as u64 * 4))?;
    elementwise::assign_prologue(&prologue, plan.compute, &into, &view)?;
    let leaf = Leaf { buffer: into, offset: 0, strides: view.strides, dtype: plan.compute };
    let copy = Plan {
        device: plan.device.clone(),
        shape: plan.shape.clone(),
        compute: plan.compute,
        leaves: vec![leaf],
        nodes: vec![],
        outputs: vec![],
    };
    Ok(Prologue::of(copy, Source::Leaf(0)))
}

/// Where an output of a plan lies.
fn region(output: &Output, shape: &Shape, whole: &[isize]) -> View {
    let in_order = || View { shape: shape.clone(), strides: whole.iter().copied().collect(), offset: output.offset };
    output.region.clone().unwrap_or_else(in_order)
}

/// Computes a plan of elementwise operators on a GPU, by as many kernels as it takes.
pub(super) fn run_map(gpu: &Arc<Gpu>, plan: &Plan) -> Result<()> {
    let whole = plan.shape.contiguous_strides();
    let operands = Operand::of_leaves(&plan.leaves).chain(Operand::of_results(plan, &whole));
    let launch = |part: &Plan, within: Option<&Within>| {
        let mut kernel = Kernel::new("map", gpu, plan.compute, &[wgsl!("family/map.wgsl")]);
        kernel.map(part, within);
        kernel.launch_elements(part.shape.size());
    };
    let Some(cells) = cells(gpu, &plan.shape, plan.shape.len(), operands, plan.nodes.len())? else {
        launch(plan, None);
        return Ok(());
    };
    let indexed = plan.nodes.iter().any(|n| n.op.indexed);
    for cell in cells {
        let within = Within { strides: whole.clone(), first: cell.first(&whole) as usize };
        let part = cell.of_plan(plan, &whole);
        launch(&part, indexed.then_some(&within));
    }
    Ok(())
}

/// Applies what follows a kernel to its result, which lies in memory, row-major over the plan's shape.
pub(super) fn run_epilogue(gpu: &Arc<Gpu>, plan: &Plan, result: Leaf) -> Result<()> {
    let at = Source::Leaf(plan.leaves.len() as u16);
    let instead = |s: Source| if s == Source::Kernel { at } else { s };
    let mut leaves = plan.leaves.clone();
    leaves.push(result);
    let nodes = plan.nodes.iter().cloned().map(|mut node| {
        node.args.iter_mut().for_each(|a| *a = instead(*a));
        node
    });
    let outputs = plan.outputs.iter().cloned().map(|mut output| {
        output.source = instead(output.source);
        output
    });
    let plan = Plan {
        device: plan.device.clone(),
        shape: plan.shape.clone(),
        compute: plan.compute,
        leaves,
        nodes: nodes.collect(),
        outputs: outputs.collect(),
    };
    run_map(gpu, &plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What adapters in hardware are given: their bindings may show a buffer whole.
    const HARDWARE: (u64, usize) = (u64::MAX, 1 << 33);

    #[test]
    fn a_part_is_no_longer_than_a_kernel_counts() {
        let (bytes, work) = HARDWARE;
        for shape in [[65_536, 70_000], [1, 1 << 33], [1 << 33, 1], [3, 1 << 31]] {
            let shape = Shape::from(shape);
            // One number that is repeated: no binding is in the way.
            let one = [Operand { strides: SmallVec::from_slice(&[0, 0]), width: 4, capacity: 4 }];
            let cell = cut(&shape, 2, &one, bytes, work).unwrap();
            assert!(cell.size() <= 1 << 31 && u32::try_from(cell.size()).is_ok(), "{shape}: {cell}");
            assert!(cell.size() > 1 << 28, "{shape}: {cell}, many more parts than it takes");
        }
        let small = Shape::from([1 << 10, 1 << 10]);
        assert_eq!(cut(&small, 2, &[], bytes, work).unwrap(), small);
        // Rows that are taken whole cannot be cut.
        let refused = cut(&Shape::from([2, 1 << 32]), 1, &[], bytes, work).unwrap_err();
        assert_eq!(refused, (1 << 32, Exceeded::Count));
    }

    #[test]
    fn operands_lie_within_their_bindings() {
        let rows = [Operand { strides: SmallVec::from_slice(&[1000, 1]), width: 4, capacity: 1 << 30 }];
        let cell = cut(&Shape::from([4096, 1000]), 2, &rows, 1 << 20, usize::MAX).unwrap();
        assert_eq!(cell[..], [256, 1000]);
        let refused = cut(&Shape::from([1, 1 << 20]), 1, &rows, 1 << 20, usize::MAX).unwrap_err();
        assert_eq!(refused, (1 << 20, Exceeded::Binding));
    }
}
