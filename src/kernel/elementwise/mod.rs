//! `y[i] = f(x0[i], x1[i], ..)`: plans of elementwise operators, on either device.

mod blocks;
mod outputs;

pub(super) use blocks::{BLOCK, Blocks, Lane, Reading, collect, values};
pub(super) use outputs::{Epilogue, Writing};

use super::{
    emit::{Index, Kernel},
    fuse, fusion, parallel,
    split::{self, Operand},
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape, View},
    tensor::{
        Op, Scalar, State, Storage, Tensor,
        expr::{Expr, MAX_WEIGHT, Output, Plan, Root, Source},
        wgsl,
    },
};
use outputs::{Outputs, Region};
use parking_lot::Mutex;
use std::{ops::Range, sync::Arc};

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

/// Writes a tensor into a strided region of fresh memory that nobody reads yet.
pub(super) fn assign(source: Tensor, into: &Buffer, view: &View) -> Result<()> {
    if source.size() == 0 {
        return Ok(());
    }
    let dtype = source.dtype();
    let prologue = fuse::prologue(source, &view.shape)?;
    assign_prologue(&prologue, dtype, into, view)
}

/// As [`assign`], for an operand over the shape of the region.
pub(super) fn assign_prologue(prologue: &fuse::Prologue, dtype: DType, into: &Buffer, view: &View) -> Result<()> {
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

/// Operands written into regions of the same fresh memory, one after the other, by as few launches as there are bindings
/// for.
pub(super) fn assign_in_turn(parts: &[(fuse::Prologue, View)], dtype: DType, into: &Buffer) -> Result<()> {
    let plan = &parts[0].0.plan;
    match &plan.device {
        Device::Cpu(_) => {
            plan.device.count_launch();
            for (prologue, view) in parts {
                match plan.compute {
                    DType::F32 => assign_cpu::<f32>(prologue, into, dtype, view),
                    _ => assign_cpu::<f64>(prologue, into, dtype, view),
                }
            }
        }
        Device::Gpu(gpu) => {
            let mut rest = parts;
            while let [first, ..] = rest {
                let (now, later) = rest.split_at(split::in_one_launch(gpu, rest, into));
                if now.len() == 1 {
                    assign_prologue(&first.0, dtype, into, &first.1)?;
                } else {
                    let mut kernel = Kernel::new("assign_in_turn", gpu, plan.compute, &[wgsl!("family/map.wgsl")]);
                    let n = kernel.in_turn(now, dtype, into);
                    kernel.launch_elements(n);
                }
                rest = later;
            }
        }
    }
    Ok(())
}

fn assign_cpu<R: Lane>(prologue: &fuse::Prologue, into: &Buffer, dtype: DType, view: &View) {
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
