//! The array type: storage on a device, a strided view of it, and expressions that are not computed yet.
//!
//! What needs values (`to_host`, arithmetic, reductions) is in `impl Tensor` blocks of [`kernel`](crate::kernel) and of
//! the operators' own files; here are the type, its views and the nodes of pending expressions.

pub(crate) mod expr;
mod host;
pub(crate) mod op;
pub mod real;
mod views;

pub use host::HostArray;
pub(crate) use op::{BlockFn, Pointwise, block, wgsl};
pub use op::{Op, Scalar, Wgsl};
pub use real::Real;
pub(crate) use views::expect;

use crate::{
    device::{Buffer, Device},
    error::Error,
    shape::{DType, Meta, Shape, View},
};
use expr::Expr;
use parking_lot::Mutex;
use std::sync::Arc;

/// An array on a device: cheap to clone, never changed in place.
///
/// A tensor made by an elementwise operator is *pending*: it holds the expression, which is computed together with
/// what is made of it, when values are needed. Views (reshape, transpose, slice, broadcast) copy nothing.
///
/// ```
/// # use catena::prelude::*;
/// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], &Device::cpu());
/// let y = x.add(&x.transpose(None));
/// assert_eq!(y.to_vec::<f32>().unwrap(), [2.0, 5.0, 5.0, 8.0]);
/// ```
#[derive(Clone)]
pub struct Tensor {
    pub(crate) storage: Arc<Storage>,
    pub(crate) view: View,
}

/// What a tensor's elements are kept in.
pub(crate) struct Storage {
    pub device: Device,
    pub dtype: DType,
    /// Number of elements.
    pub len: usize,
    pub state: Mutex<State>,
    /// Bounds of integers that came from the host, or that were drawn from a range: ids are checked against it.
    pub range: Option<(i64, i64)>,
}

/// How far a storage is.
#[allow(clippy::large_enum_variant, reason = "each lives in an allocation of its own: a box would be another")]
pub(crate) enum State {
    /// Elements lie in the buffer from this element on.
    Ready(Buffer, usize),
    /// To be computed.
    Pending(Expr),
    /// A thread computes it.
    Computing,
    /// It was computed as part of another kernel and is held by nobody who could ask for it.
    Fused,
    /// The device failed while it was computed.
    Failed(Error),
}

impl Storage {
    pub fn ready(device: Device, dtype: DType, len: usize, buffer: Buffer, range: Option<(i64, i64)>) -> Arc<Storage> {
        Arc::new(Storage { device, dtype, len, state: Mutex::new(State::Ready(buffer, 0)), range })
    }

    pub fn failed(device: Device, dtype: DType, len: usize, error: Error) -> Arc<Storage> {
        Arc::new(Storage { device, dtype, len, state: Mutex::new(State::Failed(error)), range: None })
    }
}

impl Tensor {
    pub(crate) fn whole(storage: Arc<Storage>, shape: Shape) -> Tensor {
        debug_assert_eq!(storage.len, shape.size());
        Tensor { storage, view: View::contiguous(shape) }
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.view.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.storage.dtype
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        &self.storage.device
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.view.shape.len()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.view.size()
    }

    /// Shape and dtype.
    pub fn meta(&self) -> Meta {
        Meta { shape: self.view.shape.clone(), dtype: self.dtype() }
    }

    /// Whether its elements follow each other in row-major order.
    pub fn is_contiguous(&self) -> bool {
        self.view.is_contiguous()
    }

    /// Whether it is an expression that is not computed yet.
    pub fn is_pending(&self) -> bool {
        matches!(*self.storage.state.lock(), State::Pending(_) | State::Computing)
    }

    /// Whether it shows all of its storage in order, so that position `i` of one is position `i` of the other.
    pub(crate) fn is_whole(&self) -> bool {
        self.view.offset == 0 && self.size() == self.storage.len && self.is_contiguous()
    }

    pub(crate) fn with_view(&self, view: View) -> Tensor {
        Tensor { storage: self.storage.clone(), view }
    }
}
