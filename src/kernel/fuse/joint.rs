//! Several tensors computed by one kernel, each into a region of the same memory: joins and gradients of cuts.

use super::{
    force,
    gather::{Arg, Gather, Member},
    run, shared_prologue,
};
use crate::{
    device::{Buffer, claims},
    error::Result,
    kernel::{elementwise, fusion},
    shape::View,
    tensor::{
        State, Storage, Tensor,
        expr::{Expr, Output, Root, Source, compute_type},
    },
};
use parking_lot::Mutex;
use std::sync::Arc;

/// A value that goes into a region of memory.
pub(super) struct Placed {
    arg: Arg,
    buffer: Buffer,
    region: View,
    /// Stands for the region in the plan; nobody else sees it.
    storage: Arc<Storage>,
}

impl Placed {
    pub(super) fn output(&self, sources: &[Source]) -> Output {
        let source = match self.arg {
            Arg::Member(m) => sources[m],
            Arg::Leaf(l) => Source::Leaf(l as u16),
            Arg::Constant(c) => Source::Node(c as u16),
        };
        Output {
            storage: self.storage.clone(),
            source,
            buffer: self.buffer.clone(),
            offset: 0,
            donor: None,
            place: None,
            region: Some(self.region.clone()),
        }
    }
}

/// Writes tensors into disjoint regions of fresh memory that nobody reads yet.
///
/// Neighbours of one shape are computed by one kernel, into which products go as well. Where shapes differ, all that is
/// made of memory alone goes by one kernel too, which takes the parts one after the other.
pub(in crate::kernel) fn joint(parts: Vec<(Tensor, View)>, into: &Buffer) -> Result<()> {
    let mut left: Vec<(Tensor, View)> = parts.into_iter().filter(|(t, _)| t.size() > 0).collect();
    let mut groups = vec![];
    while let Some((first, _)) = left.first() {
        let shape = first.shape().clone();
        let alike = left.iter().take_while(|(t, _)| *t.shape() == shape).count();
        let rest = left.split_off(alike);
        groups.push(left);
        left = rest;
    }
    let of_memory = |group: &Vec<(Tensor, View)>| fusion() && group.iter().all(|(t, _)| is_of_memory(t));
    let (in_turn, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(of_memory);
    others.into_iter().try_for_each(|group| together(group, into))?;
    if in_turn.len() < 2 {
        return in_turn.into_iter().try_for_each(|group| together(group, into));
    }
    let dtype = in_turn[0][0].0.dtype();
    let operand = |(part, view): (Tensor, View)| Ok((shared_prologue(part, &view.shape)?, view));
    let operands = in_turn.into_iter().flatten().map(operand).collect::<Result<Vec<_>>>()?;
    elementwise::assign_in_turn(&operands, dtype, into)
}

/// Whether a tensor is in memory, a number that repeats, or elementwise of such and held by nobody else, who would want it
/// written.
fn is_of_memory(tensor: &Tensor) -> bool {
    let mut stack = vec![(tensor.storage.clone(), tensor.is_whole())];
    while let Some((storage, whole)) = stack.pop() {
        match &*storage.state.lock() {
            State::Ready(..) | State::Failed(_) => {}
            State::Pending(Expr { root: Root::Map(op, _), .. }) if whole && op.is_constant() => {}
            // `stack` held it once more.
            State::Pending(expr) if whole && Arc::strong_count(&storage) == 2 => match expr.root {
                Root::Map(..) => stack.extend(expr.args.iter().map(|a| (a.storage.clone(), a.is_whole()))),
                Root::Kernel(_) => return false,
            },
            _ => return false,
        }
    }
    true
}

fn together(mut parts: Vec<(Tensor, View)>, into: &Buffer) -> Result<()> {
    loop {
        let claims = claims();
        let mut lock = claims.lock.lock();
        let mut gather = Gather::over(&parts[0].0);
        for (part, region) in &parts {
            let arg = gather.operand(part, &gather.shape.clone());
            let state = Mutex::new(State::Computing);
            let (device, dtype) = (part.device().clone(), part.dtype());
            let storage = Arc::new(Storage { device, dtype, len: part.size(), state, range: None });
            gather.regions.push(Placed { arg, buffer: into.clone(), region: region.clone(), storage });
        }
        if let Some(error) = gather.failed {
            return Err(error);
        }
        if gather.wait {
            claims.changed.wait(&mut lock);
            continue;
        }
        let mut first = std::mem::take(&mut gather.first);
        if first.is_empty() {
            first.extend(gather.needed_by_kernel());
        }
        if !first.is_empty() {
            drop(lock);
            first.iter().for_each(force);
            continue;
        }
        // `members` holds each once more.
        let held = |(at, m): (usize, &Member)| (Arc::strong_count(&m.storage) > m.uses + 1).then_some(at);
        let mut outputs: Vec<usize> = gather.members.iter().enumerate().filter_map(held).collect();
        outputs.sort_unstable();
        if gather.exceeds(outputs.len() + 1) {
            drop(lock);
            drop(gather);
            if let [_] = parts[..] {
                let (part, view) = parts.remove(0);
                return elementwise::assign(part, into, &view);
            }
            let second = parts.split_off(parts.len() / 2);
            together(parts, into)?;
            return together(second, into);
        }
        let job = gather.claim(&outputs);
        drop(lock);
        return run(job);
    }
}

impl Gather {
    /// An empty one of a tensor's shape.
    fn over(tensor: &Tensor) -> Gather {
        Gather {
            shape: tensor.shape().clone(),
            compute: compute_type(tensor.dtype(), tensor.device()),
            device: tensor.device().clone(),
            members: vec![],
            index: Default::default(),
            leaves: vec![],
            constants: vec![],
            kernel: None,
            first: vec![],
            held_here: 0,
            wait: false,
            failed: None,
            regions: vec![],
        }
    }
}
