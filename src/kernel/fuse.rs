//! The fuser: turns a pending expression into plans, one for each kernel, and has them computed.
//!
//! A pending operand is computed inside its consumer's kernel when both have the same elements in the same order. If
//! somebody else still holds it, it is written as a further output of that kernel, so nothing is computed twice: an
//! operand under another view, or of another size, is computed first, by a kernel of its own.

use super::{elementwise, fusion};
use crate::{
    device::{Buffer, Device, claims},
    error::{Error, Result},
    shape::{DType, Shape, View},
    tensor::{
        State, Storage, Tensor,
        expr::{Expr, Launcher, Leaf, Node, Output, Plan, Root, Source, compute_type, survives},
    },
};
use smallvec::SmallVec;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
};

impl Tensor {
    /// Computes the tensor if it is pending.
    ///
    /// On a GPU this records kernels and does not wait for them.
    pub fn force(&self) {
        force(&self.storage);
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

type Operands = SmallVec<[Tensor; 3]>;

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
                run(*job);
            }
        }
    }
}

fn run(mut job: Job) {
    let result = allocate(&mut job.plan).and_then(|()| match &job.kernel {
        Some((kernel, args)) => kernel.run(args, &job.plan),
        None => elementwise::run(&job.plan),
    });
    let _lock = claims().lock.lock();
    for output in &job.plan.outputs {
        *output.storage.state.lock() = match &result {
            Ok(()) => State::Ready(output.buffer.clone(), output.offset),
            Err(error) => State::Failed(error.clone()),
        };
    }
    claims().changed.notify_all();
}

/// Gives every output a buffer: that of its donor, or a new one.
fn allocate(plan: &mut Plan) -> Result<()> {
    for output in &mut plan.outputs {
        match output.donor {
            Some(leaf) => {
                output.buffer = plan.leaves[leaf as usize].buffer.clone();
                output.offset = plan.leaves[leaf as usize].offset;
            }
            None => {
                output.buffer = plan.device.allocate(bytes(&plan.device, output.storage.dtype, output.storage.len))?;
            }
        }
    }
    Ok(())
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

/// One node of the expression under way.
struct Member {
    storage: Arc<Storage>,
    /// Operands of this expression that refer to it.
    uses: usize,
    args: SmallVec<[Arg; 3]>,
    is_kernel: bool,
}

#[derive(Clone, Copy)]
enum Arg {
    Member(usize),
    Leaf(usize),
    Constant(usize),
}

struct Gather {
    shape: Shape,
    compute: DType,
    device: Device,
    members: Vec<Member>,
    index: HashMap<*const Storage, usize>,
    leaves: Vec<(Leaf, Arc<Storage>, usize)>,
    /// Numbers that repeat over any shape: they are part of every kernel that reads them and stay pending themselves.
    constants: Vec<Node>,
    kernel: Option<usize>,
    first: Vec<Arc<Storage>>,
    held_here: usize,
    wait: bool,
    failed: Option<Error>,
}

impl Gather {
    fn new(top: &Arc<Storage>, held_here: usize) -> Gather {
        let shape = match &*top.state.lock() {
            State::Pending(e) => e.shape.clone(),
            _ => unreachable!("only pending storages are gathered"),
        };
        Gather {
            shape,
            compute: node_compute(top),
            device: top.device.clone(),
            members: vec![],
            index: HashMap::new(),
            leaves: vec![],
            constants: vec![],
            kernel: None,
            first: vec![],
            held_here,
            wait: false,
            failed: None,
        }
    }

    /// Adds a pending storage and what it can swallow; operands come before their users.
    fn add(&mut self, storage: &Arc<Storage>) -> usize {
        if let Some(&at) = self.index.get(&Arc::as_ptr(storage)) {
            return at;
        }
        let (args, expr_shape, is_kernel) = match &*storage.state.lock() {
            State::Pending(Expr { root: Root::Map(..), args, shape, .. }) => (args.clone(), shape.clone(), false),
            State::Pending(Expr { root: Root::Kernel(_), shape, .. }) => (SmallVec::new(), shape.clone(), true),
            _ => unreachable!("checked by the caller under the claims lock"),
        };
        let mut linked = SmallVec::new();
        for arg in &args {
            linked.push(self.operand(arg, &expr_shape));
        }
        let at = self.members.len();
        self.members.push(Member { storage: storage.clone(), uses: 0, args: linked, is_kernel });
        if is_kernel {
            self.kernel = Some(at);
        }
        self.index.insert(Arc::as_ptr(storage), at);
        at
    }

    /// Links an operand of an expression over `expr_shape`; on failure notes what is in the way.
    fn operand(&mut self, arg: &Tensor, expr_shape: &Shape) -> Arg {
        let view = arg.view.broadcast_to(expr_shape);
        let broken = Arg::Leaf(usize::MAX);
        enum Kind {
            Leaf(Buffer, usize),
            Constant(Node),
            Inline,
            First,
        }
        let kind = match &*arg.storage.state.lock() {
            State::Ready(buffer, offset) => Kind::Leaf(buffer.clone(), *offset),
            State::Failed(error) => {
                self.failed.get_or_insert(error.clone());
                return broken;
            }
            State::Computing => {
                self.wait = true;
                return broken;
            }
            State::Fused => unreachable!("a fused storage is held by nobody"),
            State::Pending(expr) => {
                if let Some(node) = self.constant(&arg.storage, expr) {
                    Kind::Constant(node)
                } else {
                    let same_order = view.offset == 0 && view.size() == arg.storage.len && view.is_contiguous();
                    let fits = same_order && self.can_swallow(&arg.storage, expr);
                    if fits { Kind::Inline } else { Kind::First }
                }
            }
        };
        match kind {
            Kind::First => {
                self.first.push(arg.storage.clone());
                broken
            }
            Kind::Constant(node) => {
                self.constants.push(node);
                Arg::Constant(self.constants.len() - 1)
            }
            Kind::Inline => {
                let at = self.add(&arg.storage);
                self.members[at].uses += 1;
                Arg::Member(at)
            }
            Kind::Leaf(buffer, offset) => {
                let Some(over) = view.reshape(&self.shape) else {
                    // The operand is broadcast or strided in a way that the shape of the whole does not show; the
                    // expression it belongs to has to be computed in its own shape.
                    self.first.push(arg.storage.clone());
                    return broken;
                };
                let leaf =
                    Leaf { buffer, offset: offset + over.offset, strides: over.strides, dtype: arg.storage.dtype };
                let same = self.leaves.iter().position(|(l, s, _)| {
                    Arc::ptr_eq(s, &arg.storage) && l.offset == leaf.offset && l.strides == leaf.strides
                });
                let at = match same {
                    Some(at) => {
                        self.leaves[at].2 += 1;
                        at
                    }
                    None => {
                        self.leaves.push((leaf, arg.storage.clone(), 1));
                        self.leaves.len() - 1
                    }
                };
                Arg::Leaf(at)
            }
        }
    }

    /// The node of an operator without operands that gives the same number everywhere.
    fn constant(&self, storage: &Storage, expr: &Expr) -> Option<Node> {
        let Root::Map(op, scalars) = &expr.root else { return None };
        let same = op.is_constant() && storage.dtype.is_float();
        let fits = compute_type(storage.dtype, &storage.device) == self.compute;
        (same && fits && fusion()).then(|| Node { op: *op, scalars: scalars.clone(), args: SmallVec::new() })
    }

    fn can_swallow(&self, storage: &Arc<Storage>, expr: &Expr) -> bool {
        if !fusion() {
            return false;
        }
        match &expr.root {
            Root::Map(..) => {
                node_compute_of(storage, expr) == self.compute
                    && survives(storage.dtype, self.compute)
                    // Strided and broadcast leaves of it must be expressible over the shape of the whole.
                    && (expr.shape == self.shape || reshapes(expr, &self.shape))
            }
            Root::Kernel(kernel) => {
                let known = self.index.contains_key(&Arc::as_ptr(storage));
                compute_type(storage.dtype, &storage.device) == self.compute
                    && (known || self.kernel.is_none())
                    && expr.shape == self.shape
                    && kernel.takes_epilogue(&self.device)
            }
        }
    }

    fn plan(mut self, top: &Arc<Storage>) -> Step {
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
    fn needed_by_kernel(&self) -> Option<Arc<Storage>> {
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
    fn too_large(&self, outputs: &[usize], root: usize) -> Option<usize> {
        let Device::Gpu(gpu) = &self.device else { return None };
        let mut buffers: Vec<u64> = self.leaves.iter().map(|(l, ..)| l.buffer.id()).collect();
        buffers.sort_unstable();
        buffers.dedup();
        // A kernel with an epilogue has operands of its own.
        let own = if self.kernel.is_some() { 3 } else { 0 };
        if buffers.len() + outputs.len() + own <= gpu.max_bindings() || root == 0 {
            return None;
        }
        // Members are in the order of computation: half of them are done by the one in the middle.
        let middle = self.members.len() / 2;
        Some(if middle == root { root - 1 } else { middle.min(root - 1) })
    }

    /// Takes the expressions out of their storages, so that no other thread computes them.
    fn claim(self, outputs: &[usize]) -> Job {
        let mut claimed = vec![];
        let mut kernel = None;
        let mut sources: Vec<Source> = Vec::with_capacity(self.members.len());
        let mut nodes: Vec<Node> = self.constants.clone();
        for (at, member) in self.members.iter().enumerate() {
            let next = if outputs.contains(&at) { State::Computing } else { State::Fused };
            let State::Pending(mut expr) = std::mem::replace(&mut *member.storage.state.lock(), next) else {
                unreachable!("nothing changes while the claims lock is held")
            };
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
        let outputs = outputs
            .iter()
            .zip(donors)
            .map(|(&at, donor)| Output {
                storage: self.members[at].storage.clone(),
                source: sources[at],
                buffer: unset.clone(),
                offset: 0,
                donor,
            })
            .collect();
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
                    // Its only holders are the operands of this expression, and `leaves`.
                    let last = Arc::strong_count(storage) == uses + 1 && leaf.buffer.holders() == 2;
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

/// Whether all operands of an expression can be indexed over another shape of the same size.
fn reshapes(expr: &Expr, shape: &Shape) -> bool {
    expr.args.iter().all(|arg| arg.view.broadcast_to(&expr.shape).reshape(shape).is_some())
}

fn node_compute(storage: &Arc<Storage>) -> DType {
    match &*storage.state.lock() {
        State::Pending(expr) => node_compute_of(storage, expr),
        _ => compute_type(storage.dtype, &storage.device),
    }
}

/// The type in which an expression's top is computed: the widest of its operands, and its own unless it is a predicate.
fn node_compute_of(storage: &Storage, expr: &Expr) -> DType {
    let own = compute_type(storage.dtype, &storage.device);
    if matches!(expr.root, Root::Kernel(_)) {
        return own;
    }
    let rank = |d: DType| match d {
        DType::U32 => 0,
        DType::I32 => 1,
        DType::F32 => 2,
        _ => 3,
    };
    let of_args = expr.args.iter().map(|a| (a.dtype(), compute_type(a.dtype(), &storage.device)));
    let widest = of_args.filter(|(d, _)| *d != DType::Bool).map(|(_, c)| c).max_by_key(|c| rank(*c));
    match widest {
        None => own,
        Some(w) if storage.dtype == DType::Bool || rank(w) >= rank(own) => {
            // An integer operand beside a 32-bit float on the CPU: f64 holds both.
            w
        }
        Some(_) => own,
    }
}

/// An operand of a kernel that reads through a pending expression: the plan, and where its value is.
pub(super) struct Prologue {
    pub plan: Plan,
    pub source: Source,
    _claimed: Vec<Expr>,
}

/// The expression behind `tensor` if nobody else holds it, else its memory as a single leaf.
///
/// `tensor` must be the caller's only handle beside those of true holders.
pub(super) fn prologue(tensor: &Tensor, shape: &Shape) -> Result<Prologue> {
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
            match gather.plan_prologue(storage, shape) {
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

impl Prologue {
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
    fn plan_prologue(mut self, top: &Arc<Storage>, shape: &Shape) -> Result<Option<Prologue>, Step> {
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
        // What a prologue computes is read in another order than it was written for: no positions then.
        let indexed = self.members.iter().any(|m| match &*m.storage.state.lock() {
            State::Pending(Expr { root: Root::Map(op, _), .. }) => op.indexed,
            _ => false,
        });
        if indexed {
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
