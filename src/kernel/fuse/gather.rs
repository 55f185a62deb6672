//! What one kernel can compute: the pending storages below a root, as far as they can be swallowed.

use super::{super::fusion, joint::Placed};
use crate::{
    device::{Buffer, Device},
    error::Error,
    shape::{DType, Shape},
    tensor::{
        State, Storage, Tensor,
        expr::{Expr, Leaf, Node, Root, compute_type, survives},
    },
};
use smallvec::SmallVec;
use std::{collections::HashMap, sync::Arc};

/// One node of the expression under way.
pub(super) struct Member {
    pub(super) storage: Arc<Storage>,
    /// Operands of this expression that refer to it.
    pub(super) uses: usize,
    pub(super) args: SmallVec<[Arg; 3]>,
    pub(super) is_kernel: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Arg {
    Member(usize),
    Leaf(usize),
    Constant(usize),
}

pub(super) struct Gather {
    pub(super) shape: Shape,
    pub(super) compute: DType,
    pub(super) device: Device,
    pub(super) members: Vec<Member>,
    pub(super) index: HashMap<*const Storage, usize>,
    pub(super) leaves: Vec<(Leaf, Arc<Storage>, usize)>,
    /// Numbers that repeat over any shape: they are part of every kernel that reads them and stay pending themselves.
    pub(super) constants: Vec<Node>,
    pub(super) kernel: Option<usize>,
    pub(super) first: Vec<Arc<Storage>>,
    pub(super) held_here: usize,
    pub(super) wait: bool,
    pub(super) failed: Option<Error>,
    /// Values that go into regions of memory.
    pub(super) regions: Vec<Placed>,
}

impl Gather {
    pub(super) fn new(top: &Arc<Storage>, held_here: usize) -> Gather {
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
            regions: vec![],
        }
    }

    /// Adds a pending storage and what it can swallow; operands come before their users.
    pub(super) fn add(&mut self, storage: &Arc<Storage>) -> usize {
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
    pub(super) fn operand(&mut self, arg: &Tensor, expr_shape: &Shape) -> Arg {
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
}

/// Whether all operands of an expression can be indexed over another shape of the same size.
pub(super) fn reshapes(expr: &Expr, shape: &Shape) -> bool {
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
