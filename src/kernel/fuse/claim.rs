//! From what was gathered to a plan: outputs, cuts, donors.

use super::{
    Job, Step,
    gather::{Arg, Gather, Member},
};
use crate::{
    device::{Buffer, Device},
    shape::View,
    tensor::{
        State, Storage,
        expr::{Node, Output, Place, Plan, Root, Source},
    },
};
use std::{collections::HashSet, sync::Arc};

impl Gather {
    pub(super) fn plan(mut self, top: &Arc<Storage>) -> Step {
        let root = self.add(top);
        if let Some(error) = self.failed {
            return Step::Failed(error);
        }
        if self.wait {
            return Step::Wait;
        }
        if !self.first.is_empty() {
            return Step::First(self.first);
        }
        if let Some(shared) = self.needed_by_kernel() {
            return Step::First(vec![shared]);
        }
        let held = |at: usize, m: &Member| {
            // `members` holds it once more.
            let mut ours = m.uses + 1;
            if at == root {
                ours += self.held_here;
            }
            at == root || Arc::strong_count(&m.storage) > ours
        };
        let outputs: Vec<usize> =
            self.members.iter().enumerate().filter(|(at, m)| held(*at, m)).map(|(at, _)| at).collect();
        if let Some(cut) = self.too_large(&outputs, root) {
            return Step::First(vec![self.members[cut].storage.clone()]);
        }
        Step::Ready(Box::new(self.claim(&outputs)))
    }

    /// A member that the kernel reads, or that something it reads is made of: it cannot be computed after the kernel.
    pub(super) fn needed_by_kernel(&self) -> Option<Arc<Storage>> {
        let mut stack = vec![self.members[self.kernel?].storage.clone()];
        let mut seen: HashSet<*const Storage> = stack.iter().map(Arc::as_ptr).collect();
        while let Some(storage) = stack.pop() {
            let State::Pending(expr) = &*storage.state.lock() else { continue };
            for arg in &expr.args {
                if self.index.contains_key(&Arc::as_ptr(&arg.storage)) {
                    return Some(arg.storage.clone());
                }
                if seen.insert(Arc::as_ptr(&arg.storage)) {
                    stack.push(arg.storage.clone());
                }
            }
        }
        None
    }

    /// Where to cut an expression that needs more bindings than a kernel has.
    pub(super) fn too_large(&self, outputs: &[usize], root: usize) -> Option<usize> {
        if root == 0 || !self.exceeds(outputs.len()) {
            return None;
        }
        // Members are in the order of computation: half of them are done by the one in the middle.
        let middle = self.members.len() / 2;
        Some(if middle == root { root - 1 } else { middle.min(root - 1) })
    }

    /// Whether it needs more bindings than a kernel has, with this many buffers to write.
    pub(super) fn exceeds(&self, outputs: usize) -> bool {
        let Device::Gpu(gpu) = &self.device else { return false };
        let mut buffers: Vec<u64> = self.leaves.iter().map(|(l, ..)| l.buffer.id()).collect();
        buffers.sort_unstable();
        buffers.dedup();
        // A kernel with an epilogue has operands of its own.
        let own = if self.kernel.is_some() { 3 } else { 0 };
        buffers.len() + outputs + own > gpu.max_bindings()
    }

    /// Takes the expressions out of their storages, so that no other thread computes them.
    pub(super) fn claim(self, outputs: &[usize]) -> Job {
        let mut claimed = vec![];
        let mut kernel = None;
        let mut places: Vec<Option<Arc<Place>>> = Vec::with_capacity(self.members.len());
        let mut sources: Vec<Source> = Vec::with_capacity(self.members.len());
        let mut nodes: Vec<Node> = self.constants.clone();
        for (at, member) in self.members.iter().enumerate() {
            let next = if outputs.contains(&at) { State::Computing } else { State::Fused };
            let State::Pending(mut expr) = std::mem::replace(&mut *member.storage.state.lock(), next) else {
                unreachable!("nothing changes while the claims lock is held")
            };
            places.push(expr.place.take());
            if member.is_kernel {
                let Root::Kernel(launcher) = &expr.root else { unreachable!("noted when it was added") };
                kernel = Some((launcher.clone(), std::mem::take(&mut expr.args)));
                sources.push(Source::Kernel);
            } else if let Root::Map(op, scalars) = &expr.root {
                let args = member
                    .args
                    .iter()
                    .map(|arg| match *arg {
                        Arg::Member(m) => sources[m],
                        Arg::Leaf(l) => Source::Leaf(l as u16),
                        Arg::Constant(c) => Source::Node(c as u16),
                    })
                    .collect();
                nodes.push(Node { op: *op, scalars: scalars.clone(), args });
                sources.push(Source::Node(nodes.len() as u16 - 1));
            }
            claimed.push(expr);
        }
        let donors = self.donors(outputs, kernel.is_some());
        let unset = Buffer::unset(&self.device);
        // What goes into a region may be a leaf as it is: it is written before an output can take that leaf's memory over.
        let regions = self.regions.iter().map(|placed| placed.output(&sources));
        let plain = outputs.iter().zip(donors).map(|(&at, donor)| Output {
            storage: self.members[at].storage.clone(),
            source: sources[at],
            buffer: unset.clone(),
            offset: 0,
            donor,
            place: places[at].take(),
            region: None,
        });
        let outputs = regions.chain(plain).collect();
        let plan = Plan {
            device: self.device,
            shape: self.shape,
            compute: self.compute,
            leaves: self.leaves.into_iter().map(|(leaf, ..)| leaf).collect(),
            nodes,
            outputs,
        };
        Job { plan, kernel, _claimed: claimed }
    }

    /// For each output, a leaf that is read here for the last time and lies as the output will.
    fn donors(&self, outputs: &[usize], kernel: bool) -> Vec<Option<u16>> {
        let mut free: Vec<Option<u16>> = if kernel {
            vec![]
        } else {
            (0..self.leaves.len())
                .map(|i| {
                    let (leaf, storage, uses) = &self.leaves[i];
                    let alone = self.leaves.iter().filter(|(l, ..)| l.buffer.id() == leaf.buffer.id()).count() == 1;
                    // Its only holders are the operands of this expression, and `leaves`; of a part also its owner.
                    let owners = usize::from(leaf.buffer.is_part());
                    let last = Arc::strong_count(storage) == uses + 1 && leaf.buffer.holders() == 2 + owners;
                    let whole =
                        View { shape: self.shape.clone(), strides: leaf.strides.clone(), offset: 0 }.is_contiguous();
                    (alone && last && whole && storage.len == self.shape.size()).then_some(i as u16)
                })
                .collect()
        };
        outputs
            .iter()
            .map(|&at| {
                // One buffer under two element types would be two bindings, one of them written.
                let wanted = self.members[at].storage.dtype;
                let fits = |l: &Option<u16>| l.is_some_and(|l| self.leaves[l as usize].0.dtype == wanted);
                free.iter_mut().find(|l| fits(l)).and_then(Option::take)
            })
            .collect()
    }
}
