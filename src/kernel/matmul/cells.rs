//! Products that one kernel cannot do: matrices larger than a binding shows, and more products than one launch should
//! take.

use super::Matmul;
use crate::{
    device::{Gpu, Tag},
    error::Result,
    kernel::{
        reduce::Reduction,
        split::{self, Cell, Operand},
    },
    shape::{MatmulShape, Shape},
    tensor::{
        Storage, Tensor,
        expr::{Leaf, Output, Plan, Source},
    },
};
use smallvec::SmallVec;
use std::sync::Arc;

/// Products that a kernel does in the time of an element that comes from memory and goes back.
pub(in crate::kernel) const PRODUCTS: usize = 16;

impl Matmul {
    /// The shape of the result.
    fn result(&self) -> Shape {
        let MatmulShape { batch, m, n, .. } = &self.shape;
        Shape::from([&batch[..], &[*m, *n]].concat())
    }

    /// Whether a plan can be cut as the result is.
    fn follows(&self, plan: &Plan) -> bool {
        plan.shape == self.result() && !plan.nodes.iter().any(|n| n.op.indexed)
    }

    /// The cells of `(batch.., m, n, k)`; `None` where one kernel does.
    pub(super) fn cells(&self, gpu: &Gpu, a: &Leaf, b: &Leaf, plan: &Plan) -> Result<Option<Vec<Cell>>> {
        let MatmulShape { batch, m, n, k } = &self.shape;
        let shape = Shape::from([&batch[..], &[*m, *n, *k]].concat());
        let lead = batch.len();
        let mut along_m = a.strides.clone();
        along_m.insert(lead + 1, 0);
        let mut along_n = b.strides.clone();
        along_n.insert(lead, 0);
        let mut operands = vec![Operand::new(&a.buffer, a.dtype, &along_m), Operand::new(&b.buffer, b.dtype, &along_n)];
        let results = self.result().contiguous_strides();
        let others = Operand::of_leaves(&plan.leaves).chain(Operand::of_results(plan, &results));
        let mut alone = false;
        if self.follows(plan) {
            operands.extend(others.map(|o| o.over(shape.len())));
        } else {
            alone = others.into_iter().any(|o| o.exceeds(gpu));
            operands.push(Operand::of_new(self.result().size(), &results).over(shape.len()));
        }
        let work = gpu.max_work().saturating_mul(PRODUCTS);
        let cells = split::cells_of(gpu, &shape, shape.len(), operands.into_iter(), work)?;
        Ok(cells.or_else(|| alone.then(|| vec![Cell { start: SmallVec::from_elem(0, shape.len()), shape }])))
    }

    pub(super) fn run_cells(
        &self,
        gpu: &Arc<Gpu>,
        operands: (&Leaf, &Leaf),
        cells: &[Cell],
        plan: &Plan,
    ) -> Result<()> {
        if !self.follows(plan) {
            // What follows has the same elements in another shape, or asks for their positions.
            let (bare, result) = bare(plan, self.result())?;
            self.run_cells(gpu, operands, cells, &bare)?;
            return split::run_epilogue(gpu, plan, Leaf { strides: plan.shape.contiguous_strides(), ..result });
        }
        let rank = plan.shape.len();
        let strides = plan.shape.contiguous_strides();
        // Cells along k follow one another: their results are added up.
        for cells in cells.chunk_by(|x, y| x.start[..rank] == y.start[..rank]) {
            let part = cells[0].axes(0..rank).of_plan(plan, &strides);
            let [cell] = cells else {
                let sum = self.sum_of_cells(gpu, operands, cells, &part)?;
                split::run_epilogue(gpu, &part, sum)?;
                continue;
            };
            self.run_cell(gpu, operands, cell, &part)?;
        }
        Ok(())
    }

    fn run_cell(&self, gpu: &Arc<Gpu>, (a, b): (&Leaf, &Leaf), cell: &Cell, part: &Plan) -> Result<()> {
        let lead = self.shape.batch.len();
        let of = |leaf: &Leaf, row: usize| {
            let axes = (0..lead).chain([lead + row, lead + 2]);
            let first: isize = axes.zip(&leaf.strides).map(|(axis, s)| cell.start[axis] as isize * s).sum();
            Leaf { offset: (leaf.offset as isize + first) as usize, ..leaf.clone() }
        };
        let [m, n, k] = [0, 1, 2].map(|i| cell.shape[lead + i]);
        let shape = MatmulShape { batch: Shape::from(&cell.shape[..lead]), m, n, k };
        Matmul { shape, rule: self.rule, lead: lead + 1 }.run_whole(gpu, (&of(a, 0), &of(b, 1)), part)
    }

    /// The sum of the cells' results, in memory of its own.
    fn sum_of_cells(&self, gpu: &Arc<Gpu>, operands: (&Leaf, &Leaf), cells: &[Cell], part: &Plan) -> Result<Leaf> {
        let mut sum: Option<Tensor> = None;
        for cell in cells {
            let (bare, _) = bare(part, part.shape.clone())?;
            self.run_cell(gpu, operands, cell, &bare)?;
            let term = Tensor::whole(bare.outputs[0].storage.clone(), part.shape.clone());
            let op = Reduction::Sum.op();
            sum = Some(match sum {
                None => term,
                Some(sum) => Tensor::map(op, &[], &[&sum, &term], part.shape.clone(), part.compute),
            });
            sum.iter().for_each(Tensor::force);
        }
        let (buffer, offset) = sum.expect("a product has a cell").buffer()?;
        Ok(Leaf { buffer, offset, strides: part.shape.contiguous_strides(), dtype: part.compute })
    }
}

/// A plan that stores a kernel's own result of that shape in new memory, and that memory.
fn bare(plan: &Plan, shape: Shape) -> Result<(Plan, Leaf)> {
    let buffer = Tag::Workspace.during(|| plan.device.allocate(shape.size() as u64 * 4))?;
    let storage = Storage::ready(plan.device.clone(), plan.compute, shape.size(), buffer.clone(), None);
    let output = Output {
        storage,
        source: Source::Kernel,
        buffer: buffer.clone(),
        offset: 0,
        donor: None,
        place: None,
        region: None,
    };
    let leaf = Leaf { buffer, offset: 0, strides: shape.contiguous_strides(), dtype: plan.compute };
    let plan = Plan {
        device: plan.device.clone(),
        shape,
        compute: plan.compute,
        leaves: vec![],
        nodes: vec![],
        outputs: vec![output],
    };
    Ok((plan, leaf))
}
