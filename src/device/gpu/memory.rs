//! Buffers from the pool, and what is forgotten when they go.

use super::{
    super::{
        Device,
        buffer::{Buffer, Raw},
        pool::Block,
        stats::bump,
    },
    Gpu,
};
use crate::error::{Error, Result};
use std::sync::Arc;

impl Gpu {
    /// Memory for at least `bytes` bytes.
    ///
    /// # Errors
    /// The failure that is pending, if there is one; else out of memory, or more than one buffer can hold.
    pub(in crate::device) fn allocate(self: &Arc<Gpu>, bytes: u64) -> Result<Buffer> {
        if let Some(error) = self.failure() {
            return Err(error);
        }
        let most = self.pool.largest();
        let taken = if bytes > most {
            Err(Error::Unsupported {
                what: format!("a tensor of {bytes} bytes"),
                device: self.name.clone(),
                need: format!("one buffer holds at most {most} bytes"),
                hint: "split it, or use the CPU device".into(),
            })
        } else {
            self.pool.take(&self.name, bytes, |class| self.create(class), |blocks| self.evict(&blocks))
        };
        match taken {
            Ok((block, class, created)) => {
                bump(&self.counters.allocations, 1);
                bump(&self.counters.buffers_created, u64::from(created));
                Ok(Buffer::new(Raw::Gpu(block), class, Device::Gpu(self.clone())))
            }
            Err(error) => {
                self.fail(error.clone());
                Err(error)
            }
        }
    }

    fn create(&self, class: u64) -> Result<wgpu::Buffer, String> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: class,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        match pollster::block_on(scope.pop()) {
            None => Ok(buffer),
            Some(_) => Err("the adapter's memory".to_string()),
        }
    }

    /// Forgets the bind groups of buffers that go back to the system: a cached group would keep them alive.
    fn evict(&self, blocks: &[Block<wgpu::Buffer>]) {
        self.groups.lock().evict(blocks.iter().map(|b| b.id));
    }

    pub(in crate::device) fn free_all_blocks(&self) {
        self.flush();
        let blocks = self.pool.free_all();
        self.evict(&blocks);
        self.staging.lock().clear();
    }

    pub(in crate::device) fn trim(&self) {
        let blocks = self.pool.trim();
        self.evict(&blocks);
    }
}
