//! The fuser: turns a pending expression into plans, one for each kernel, and has them computed.
//!
//! A pending operand is computed inside its consumer's kernel when both have the same elements in the same order. If
//! somebody else still holds it, it is written as a further output of that kernel, so nothing is computed twice: an
//! operand under another view, or of another size, is computed first, by a kernel of its own. What is computed more than
//! once are numbers that repeat, and in row kernels [cheap](crate::tensor::Op::cheap) operators: of two operands it reads
//! one tensor more than writing and reading the values would, if a holder asks for them later by themselves, else less.

mod claim;
mod gather;
mod joint;
mod prologue;

pub(super) use joint::joint;
pub(super) use prologue::{Prologue, prologue, prologue_read_often, shared_prologue, whole_prologue};

use super::elementwise;
use crate::{
    device::{Buffer, Device, Tag, claims},
    error::{Error, Result},
    shape::DType,
    tensor::{
        State, Storage, Tensor,
        expr::{Expr, Launcher, Operands, Place, Plan},
    },
};
use gather::Gather;
use std::sync::{Arc, Weak};

impl Tensor {
    /// Computes the tensor if it is pending.
    ///
    /// On a GPU this records kernels and does not wait for them.
    pub fn force(&self) {
        force(&self.storage);
    }

    /// Has a pending tensor computed at a place, if it is computed by itself and there is room then.
    pub(crate) fn place(&self, place: &Arc<Place>) {
        if self.is_whole()
            && let State::Pending(expr) = &mut *self.storage.state.lock()
        {
            expr.place = Some(place.clone());
        }
    }

    /// Whether it lies at a place.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        self.is_whole()
            && matches!(&*self.storage.state.lock(),
                State::Ready(buffer, offset) if place.is_in(buffer) && *offset == place.offset)
    }

    /// Says what a tensor's memory is for, if it has memory.
    pub(crate) fn tag(&self, tag: Tag) {
        if let State::Ready(buffer, _) = &*self.storage.state.lock() {
            buffer.tag(tag);
        }
    }

    /// The buffer and the position in it of this tensor's first storage element.
    pub(crate) fn buffer(&self) -> Result<(Buffer, usize)> {
        self.force();
        match &*self.storage.state.lock() {
            State::Ready(buffer, offset) => Ok((buffer.clone(), *offset)),
            State::Failed(error) => Err(error.clone()),
            _ => unreachable!("a forced tensor is ready or failed"),
        }
    }
}

/// What stands in the way of a plan.
enum Step {
    Ready(Box<Job>),
    /// These are to be computed first.
    First(Vec<Arc<Storage>>),
    /// Another thread computes something that is needed.
    Wait,
    Failed(Error),
}

/// A plan that was claimed, with the kernel it is an epilogue of.
struct Job {
    plan: Plan,
    kernel: Option<(Arc<dyn Launcher>, Operands)>,
    /// Expressions taken out of the claimed storages; they keep the leaves alive until the plan has run.
    _claimed: Vec<Expr>,
}

/// Computes a storage, and first whatever it needs, without recursion over the expression.
pub(super) fn force(root: &Arc<Storage>) {
    if matches!(*root.state.lock(), State::Ready(..) | State::Failed(_)) {
        return;
    }
    let mut stack = vec![root.clone()];
    while let Some(top) = stack.last().cloned() {
        let claims = claims();
        let mut lock = claims.lock.lock();
        let state = {
            match &*top.state.lock() {
                State::Ready(..) | State::Failed(_) | State::Fused => None,
                State::Computing => Some(true),
                State::Pending(_) => Some(false),
            }
        };
        match state {
            None => {
                stack.pop();
                continue;
            }
            Some(true) => {
                claims.changed.wait(&mut lock);
                continue;
            }
            Some(false) => {}
        }
        // `stack` and `top` hold the storage beside its true holders.
        let held_here = stack.iter().filter(|s| Arc::ptr_eq(s, &top)).count() + 1;
        match (Gather::new(&top, held_here)).plan(&top) {
            Step::Wait => claims.changed.wait(&mut lock),
            Step::First(needs) => stack.extend(needs),
            Step::Failed(error) => {
                *top.state.lock() = State::Failed(error);
                stack.pop();
            }
            Step::Ready(job) => {
                drop(lock);
                stack.pop();
                // The outputs' states tell of a failure.
                let _ = run(*job);
            }
        }
    }
}

fn run(mut job: Job) -> Result<()> {
    let operands: &[Tensor] = job.kernel.as_ref().map_or(&[], |(_, args)| args);
    let result = allocate(&mut job.plan, operands).and_then(|()| match job.kernel.take() {
        // The kernel has the only handles to what is still pending, so it may read through it.
        Some((kernel, args)) => kernel.run(args, &job.plan),
        None => elementwise::run(&job.plan),
    });
    // While a failure is pending nothing is launched: what was to be computed is nowhere.
    let result = result.and_then(|()| job.plan.device.check());
    let _lock = claims().lock.lock();
    for output in &job.plan.outputs {
        *output.storage.state.lock() = match &result {
            Ok(()) => State::Ready(output.buffer.clone(), output.offset),
            Err(error) => State::Failed(error.clone()),
        };
    }
    claims().changed.notify_all();
    result
}

/// Gives every output a buffer: that of its donor, the place kept for it, or a new one.
fn allocate(plan: &mut Plan, operands: &[Tensor]) -> Result<()> {
    for at in 0..plan.outputs.len() {
        if plan.outputs[at].region.is_some() {
            continue;
        }
        // A kernel cannot write to one part of a buffer while it reads another.
        let kept = plan.outputs[at].place.take().filter(|place| {
            let id = place.buffer_id();
            plan.leaves.iter().all(|leaf| leaf.buffer.id() != id) && !operands.iter().any(|x| reads(x, id))
        });
        let kept = kept.and_then(|place| Some((place.take()?, place.offset)));
        let output = &mut plan.outputs[at];
        match (output.donor, kept) {
            (Some(leaf), _) => {
                output.buffer = plan.leaves[leaf as usize].buffer.clone();
                output.offset = plan.leaves[leaf as usize].offset;
            }
            (None, Some(place)) => (output.buffer, output.offset) = place,
            (None, None) => {
                output.buffer = plan.device.allocate(bytes(&plan.device, output.storage.dtype, output.storage.len))?;
            }
        }
    }
    Ok(())
}

/// Whether a tensor, or what it is still to be made of, lies in a buffer.
fn reads(x: &Tensor, id: u64) -> bool {
    let mut stack = vec![x.storage.clone()];
    while let Some(storage) = stack.pop() {
        match &*storage.state.lock() {
            State::Ready(buffer, _) if buffer.id() == id => return true,
            State::Pending(expr) => stack.extend(expr.args.iter().map(|a| a.storage.clone())),
            _ => {}
        }
    }
    false
}

/// Bytes that `len` elements take on a device: a GPU keeps bool and u8 as words.
pub(super) fn bytes(device: &Device, dtype: DType, len: usize) -> u64 {
    len as u64 * width(device, dtype)
}

pub(super) fn width(device: &Device, dtype: DType) -> u64 {
    match (device, dtype) {
        (Device::Gpu(_), DType::U8 | DType::Bool) => 4,
        _ => dtype.size() as u64,
    }
}

/// Pending storages of the process, so that an optimizer's step can compute what is still held.
static PENDING: parking_lot::Mutex<Vec<Weak<Storage>>> = parking_lot::Mutex::new(Vec::new());

/// Notes a pending storage that holds on to others.
pub(super) fn note(storage: &Arc<Storage>) {
    let mut pending = PENDING.lock();
    if pending.len() == pending.capacity() {
        pending.retain(|w| w.upgrade().is_some_and(|s| matches!(*s.state.lock(), State::Pending(_))));
    }
    pending.push(Arc::downgrade(storage));
}

/// Computes everything pending that is still held, so that nothing of a training step lives on in expressions.
pub fn force_all(device: &Device) {
    let all: Vec<Weak<Storage>> = std::mem::take(&mut *PENDING.lock());
    // The latest first: what they swallow needs no kernel of its own.
    for weak in all.into_iter().rev() {
        let Some(storage) = weak.upgrade() else { continue };
        if storage.device == *device {
            force(&storage);
        } else {
            PENDING.lock().push(weak);
        }
    }
}
