//! Pending expressions, and plans: what one kernel computes.

use super::{Op, Storage, Tensor, op::Scalars};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape, View},
};
use smallvec::SmallVec;
use std::{fmt::Debug, sync::Arc};

/// Nodes of one expression past which its operands are computed first.
pub(crate) const MAX_WEIGHT: u32 = 40;

/// A tensor to be computed: one operator applied to others.
pub(crate) struct Expr {
    pub root: Root,
    pub args: SmallVec<[Tensor; 3]>,
    /// The shape it is computed over; the storage holds it in row-major order.
    pub shape: Shape,
    /// Number of pending nodes below and including this one.
    pub weight: u32,
    /// Where it is to be computed, if there is room by then.
    pub place: Option<Arc<Place>>,
}

/// Room kept for one tensor in a larger buffer.
pub(crate) struct Place {
    part: Buffer,
    /// The first element.
    pub offset: usize,
}

impl Place {
    /// Room for `len` elements from element `offset` of a buffer on, which take `width` bytes each.
    pub fn new(buffer: &Buffer, offset: usize, len: usize, width: u64) -> Place {
        Place { part: buffer.part((offset + len) as u64 * width), offset }
    }

    /// Whether that is this place's buffer.
    pub fn is_in(&self, buffer: &Buffer) -> bool {
        self.part.is(buffer)
    }

    pub fn buffer_id(&self) -> u64 {
        self.part.id()
    }

    /// The buffer, if nobody uses it.
    pub fn take(&self) -> Option<Buffer> {
        let taken = self.part.clone();
        // Of two threads that take it at once, neither has it.
        (taken.holders() == 2).then_some(taken)
    }
}

/// What stands at the top of a pending expression.
pub(crate) enum Root {
    /// An elementwise operator.
    Map(Op, Scalars),
    /// A kernel of its own, such as a matrix product, after which elementwise operators may follow in its store.
    Kernel(Arc<dyn Launcher>),
}

/// What a kernel computes its tensor from.
pub(crate) type Operands = SmallVec<[Tensor; 3]>;

/// A kernel that computes one tensor and can apply elementwise operators to each element as it stores it.
pub(crate) trait Launcher: Debug + Send + Sync {
    /// Computes `plan`'s outputs from the kernel's own result, which the plan calls [`Source::Kernel`].
    ///
    /// The operands are the kernel's: one that nobody else holds may be pending, and read through.
    fn run(&self, args: Operands, plan: &Plan) -> Result<()>;

    /// Whether elementwise operators may follow in its store on this device.
    fn takes_epilogue(&self, device: &Device) -> bool;
}

/// Where a node of a plan takes an operand from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A leaf: memory.
    Leaf(u16),
    /// An earlier node.
    Node(u16),
    /// The result of the kernel that the plan is an epilogue of.
    Kernel,
}

/// Memory that a plan reads, as strides over the plan's shape.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub buffer: Buffer,
    pub offset: usize,
    pub strides: SmallVec<[isize; 6]>,
    pub dtype: DType,
}

/// One operator of a plan.
#[derive(Clone)]
pub(crate) struct Node {
    pub op: Op,
    pub scalars: Scalars,
    pub args: SmallVec<[Source; 3]>,
}

/// A result of a plan: row-major over the plan's shape, from an element of the buffer on, unless it has a region.
#[derive(Clone)]
pub(crate) struct Output {
    pub storage: Arc<Storage>,
    pub source: Source,
    pub buffer: Buffer,
    pub offset: usize,
    /// The leaf whose buffer this output takes over, being read for the last time.
    pub donor: Option<u16>,
    /// Where it is to lie otherwise, if there is room.
    pub place: Option<Arc<Place>>,
    /// The region of the buffer that it is written into, of the plan's shape.
    pub region: Option<View>,
}

/// Everything that one kernel computes element by element.
pub(crate) struct Plan {
    pub device: Device,
    pub shape: Shape,
    /// The type it is computed in: `F32`, `F64`, `I32` or `U32`.
    pub compute: DType,
    pub leaves: Vec<Leaf>,
    pub nodes: Vec<Node>,
    pub outputs: Vec<Output>,
}

/// The type in which elements of a dtype are computed.
pub(crate) fn compute_type(dtype: DType, device: &Device) -> DType {
    match dtype {
        DType::F16 | DType::F32 => DType::F32,
        DType::F64 => DType::F64,
        // Every 32-bit integer is an f64: the CPU needs no integer loops.
        DType::I32 | DType::U32 | DType::U8 | DType::Bool if device.is_cpu() => DType::F64,
        DType::I32 => DType::I32,
        DType::U32 | DType::U8 | DType::Bool => DType::U32,
    }
}

/// Whether a value of this dtype is the same when kept in the compute type instead of in memory.
pub(crate) fn survives(dtype: DType, compute: DType) -> bool {
    dtype == compute || matches!((dtype, compute), (DType::Bool, _) | (DType::F16, DType::F32))
}
