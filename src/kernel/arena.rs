//! Arenas: tensors laid end to end in one buffer, so that one kernel computes them all.

use super::{elementwise, fuse};
use crate::{
    device::Device,
    error::Result,
    shape::{DType, Shape, View},
    tensor::{Storage, Tensor, expr::Place},
};
use std::sync::Arc;

/// Where tensors begin in an arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    starts: Vec<usize>,
    sizes: Vec<usize>,
    total: usize,
}

impl Layout {
    /// Elements to whose multiples tensors are aligned: the strictest alignment of a binding, in 32-bit elements.
    const ALIGN: usize = 64;

    /// Tensors of these sizes, in order.
    pub fn new(sizes: impl IntoIterator<Item = usize>) -> Layout {
        let mut layout = Layout { starts: vec![], sizes: vec![], total: 0 };
        for size in sizes {
            layout.starts.push(layout.total);
            layout.sizes.push(size);
            layout.total += Layout::room(size);
        }
        layout
    }

    /// Elements that a tensor takes, with what is left free behind it.
    pub fn room(size: usize) -> usize {
        size.next_multiple_of(Layout::ALIGN)
    }

    /// The tensors in an arena of their own; zeros between them.
    pub fn pack(&self, parts: &[Tensor], dtype: DType, device: &Device) -> Result<Tensor> {
        let whole = Tensor::zeros([self.total], dtype, device).settle();
        let (buffer, base) = whole.buffer()?;
        for (part, &start) in parts.iter().zip(&self.starts) {
            let view = View { offset: base + start, ..View::contiguous(part.shape().clone()) };
            elementwise::assign(part.clone(), &buffer, &view)?;
        }
        Ok(whole)
    }

    /// Tensor `i` of an arena.
    pub fn get(&self, whole: &Tensor, i: usize, shape: &Shape) -> Tensor {
        debug_assert_eq!(shape.size(), self.sizes[i]);
        whole.with_view(View { offset: self.starts[i], ..View::contiguous(shape.clone()) })
    }

    /// Whether tensors are those of one arena, as [`Layout::get`] makes them; the arena, if so.
    pub fn whole(&self, parts: &[Tensor]) -> Option<Tensor> {
        let storage: &Arc<Storage> = &parts.first()?.storage;
        let there = |(part, &start): (&Tensor, &usize)| {
            Arc::ptr_eq(&part.storage, storage) && part.is_contiguous() && part.view.offset == start
        };
        (storage.len == self.total && parts.len() == self.starts.len() && parts.iter().zip(&self.starts).all(there))
            .then(|| Tensor::whole(storage.clone(), Shape::from(self.total)))
    }

    /// Room in an arena for each tensor, to be computed there.
    pub fn places(&self, whole: &Tensor) -> Result<Vec<Arc<Place>>> {
        let (buffer, base) = whole.buffer()?;
        let width = fuse::width(whole.device(), whole.dtype());
        let place = |(&start, &size): (&usize, &usize)| Arc::new(Place::new(&buffer, base + start, size, width));
        Ok(self.starts.iter().zip(&self.sizes).map(place).collect())
    }
}

impl Place {
    /// Copies a tensor here; tells whether there was room.
    pub fn put(&self, part: &Tensor) -> Result<bool> {
        let Some(buffer) = self.take() else { return Ok(false) };
        // A kernel cannot write to one part of a buffer while it reads another.
        let beside = part.buffer()?.0.id() == self.buffer_id();
        let part = if beside { &part.copy() } else { part };
        let view = View { offset: self.offset, ..View::contiguous(part.shape().clone()) };
        elementwise::assign(part.clone(), &buffer, &view)?;
        Ok(true)
    }
}
