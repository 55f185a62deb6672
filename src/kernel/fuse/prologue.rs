//! Operands that a kernel reads through a pending expression.

use super::{
    super::fusion,
    Step, force,
    gather::{Gather, reshapes},
};
use crate::{
    device::claims,
    error::Result,
    shape::Shape,
    tensor::{
        State, Storage, Tensor,
        expr::{Expr, Leaf, Node, Plan, Root, Source, compute_type, survives},
    },
};
use std::sync::Arc;

/// An operand of a kernel that reads through a pending expression: the plan, and where its value is.
pub(in crate::kernel) struct Prologue {
    pub plan: Plan,
    pub source: Source,
    _claimed: Vec<Expr>,
}

/// The expression behind `tensor` if nobody else holds it, else its memory as a single leaf.
///
/// By value: a handle that the caller keeps, or that its own caller has, counts as somebody's, who can ask for the values.
pub(in crate::kernel) fn prologue(tensor: Tensor, shape: &Shape) -> Result<Prologue> {
    swallow(tensor, shape, false)
}

/// [`prologue`] over the tensor's own shape for a kernel that reads its elements several times: of an expression that is more
/// than [cheap](crate::tensor::Op::cheap) operators it reads the memory.
pub(in crate::kernel) fn prologue_read_often(tensor: Tensor) -> Result<Prologue> {
    let shape = tensor.shape().clone();
    swallow(tensor, &shape, true)
}

fn swallow(tensor: Tensor, shape: &Shape, often: bool) -> Result<Prologue> {
    let storage = &tensor.storage;
    if fusion() && tensor.is_whole() && Arc::strong_count(storage) == 1 {
        loop {
            let claims = claims();
            let lock = claims.lock.lock();
            let swallow = match &*storage.state.lock() {
                State::Pending(Expr { root: Root::Map(..), .. }) => true,
                State::Pending(_) | State::Ready(..) | State::Failed(_) => false,
                State::Computing | State::Fused => false,
            };
            if !swallow {
                break;
            }
            let gather = Gather::new(storage, 0);
            // The kernel at hand cannot be an epilogue of another.
            match gather.plan_prologue(storage, shape, often) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => break,
                Err(Step::First(needs)) => {
                    drop(lock);
                    needs.iter().for_each(force);
                }
                Err(Step::Failed(error)) => return Err(error),
                Err(_) => break,
            }
        }
    }
    let (buffer, offset) = tensor.buffer()?;
    let view = tensor.view.broadcast_to(shape);
    let leaf = Leaf { buffer, offset: offset + view.offset, strides: view.strides, dtype: tensor.dtype() };
    let plan = Plan {
        device: tensor.device().clone(),
        shape: shape.clone(),
        compute: compute_type(tensor.dtype(), tensor.device()),
        leaves: vec![leaf],
        nodes: vec![],
        outputs: vec![],
    };
    Ok(Prologue { plan, source: Source::Leaf(0), _claimed: vec![] })
}

/// The same where others hold the tensor, if it is one [cheap](crate::tensor::Op::cheap) operator of values in memory, or a
/// number that repeats: it stays pending for them, and whoever of them asks for its values computes them.
pub(in crate::kernel) fn shared_prologue(tensor: Tensor, shape: &Shape) -> Result<Prologue> {
    match cheap(&tensor, shape) {
        Some(plan) => Ok(Prologue::of(plan, Source::Node(0))),
        None => prologue(tensor, shape),
    }
}

fn cheap(tensor: &Tensor, shape: &Shape) -> Option<Plan> {
    if !fusion() || !tensor.is_whole() {
        return None;
    }
    let (dtype, device) = (tensor.dtype(), tensor.device());
    let claims = claims();
    let _lock = claims.lock.lock();
    let state = tensor.storage.state.lock();
    let State::Pending(expr) = &*state else { return None };
    let Root::Map(op, scalars) = &expr.root else { return None };
    let compute = compute_type(dtype, device);
    if !(op.cheap || op.is_constant()) || expr.place.is_some() || !survives(dtype, compute) {
        return None;
    }
    let leaf = |arg: &Tensor| {
        let State::Ready(buffer, offset) = &*arg.storage.state.lock() else { return None };
        let view = arg.view.broadcast_to(&expr.shape).reshape(shape)?;
        let (buffer, offset) = (buffer.clone(), offset + view.offset);
        (arg.dtype() == dtype).then(|| Leaf { buffer, offset, strides: view.strides, dtype })
    };
    let leaves = expr.args.iter().map(leaf).collect::<Option<Vec<_>>>()?;
    let args = (0..leaves.len()).map(|i| Source::Leaf(i as u16)).collect();
    Some(Plan {
        device: device.clone(),
        shape: shape.clone(),
        compute,
        leaves,
        nodes: vec![Node { op: *op, scalars: scalars.clone(), args }],
        outputs: vec![],
    })
}

/// [`prologue`] over the tensor's own shape.
pub(in crate::kernel) fn whole_prologue(tensor: Tensor) -> Result<Prologue> {
    let shape = tensor.shape().clone();
    prologue(tensor, &shape)
}

impl Prologue {
    /// A plan that owns what it reads.
    pub fn of(plan: Plan, source: Source) -> Prologue {
        Prologue { plan, source, _claimed: vec![] }
    }

    /// The same elements with the axes in another order.
    pub fn permute(mut self, axes: &[usize]) -> Prologue {
        self.plan.shape = axes.iter().map(|&a| self.plan.shape[a]).collect();
        for leaf in &mut self.plan.leaves {
            leaf.strides = axes.iter().map(|&a| leaf.strides[a]).collect();
        }
        self
    }
}

impl Gather {
    /// The whole expression as a prologue over `shape`, if all of it is held by nobody else.
    fn plan_prologue(mut self, top: &Arc<Storage>, shape: &Shape, often: bool) -> Result<Option<Prologue>, Step> {
        if self.compute != compute_type(top.dtype, &top.device) || !survives(top.dtype, self.compute) {
            return Ok(None);
        }
        if self.shape != *shape {
            let fits = match &*top.state.lock() {
                State::Pending(expr) => self.shape.size() == shape.size() && reshapes(expr, shape),
                _ => false,
            };
            if !fits {
                return Ok(None);
            }
            self.shape = shape.clone();
        }
        let root = self.add(top);
        if let Some(error) = self.failed {
            return Err(Step::Failed(error));
        }
        if self.wait {
            return Ok(None);
        }
        if self.kernel.is_some() {
            let kernel = self.kernel.map(|k| self.members[k].storage.clone());
            return Err(Step::First(kernel.into_iter().collect()));
        }
        if !self.first.is_empty() {
            return Err(Step::First(self.first));
        }
        // What a prologue computes is read in another order than it was written for: no positions then. And computing more
        // than a little for each reading would be more work than writing it once.
        let unfit = self.members.iter().any(|m| match &*m.storage.state.lock() {
            State::Pending(Expr { root: Root::Map(op, _), .. }) => op.indexed || often && !op.cheap,
            _ => false,
        });
        if unfit {
            return Ok(None);
        }
        // `members` holds each once more, and the caller holds the top.
        let shared = self
            .members
            .iter()
            .enumerate()
            .find(|(at, m)| Arc::strong_count(&m.storage) > m.uses + 1 + usize::from(*at == root));
        if let Some((at, m)) = shared {
            return if at == root { Ok(None) } else { Err(Step::First(vec![m.storage.clone()])) };
        }
        if let Some(cut) = self.too_large(&[0, 1, 2], root) {
            return Err(Step::First(vec![self.members[cut].storage.clone()]));
        }
        let job = self.claim(&[]);
        let source = Source::Node(job.plan.nodes.len() as u16 - 1);
        Ok(Some(Prologue { plan: job.plan, source, _claimed: job._claimed }))
    }
}
