//! The CPU device: pooled, aligned host memory.

use super::{pool::BufferPool, stats::Counters};
use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    ptr::NonNull,
};

/// Cache-line and AVX-512 alignment.
const ALIGN: usize = 64;

/// The host as a device.
pub struct Cpu {
    pub(super) pool: BufferPool<HostBlock>,
    pub(super) counters: Counters,
}

impl Cpu {
    pub(super) fn new() -> Cpu {
        Cpu { pool: BufferPool::new(u64::MAX), counters: Counters::default() }
    }
}

/// Aligned host memory, zeroed when first made.
pub struct HostBlock {
    at: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block is plain memory; who may write to it is decided by the owner of the `Buffer` around it.
unsafe impl Send for HostBlock {}
unsafe impl Sync for HostBlock {}

impl HostBlock {
    pub(super) fn new(bytes: u64) -> Result<HostBlock, String> {
        let layout = usize::try_from(bytes)
            .ok()
            .and_then(|n| Layout::from_size_align(n, ALIGN).ok())
            .ok_or_else(|| "the address space".to_string())?;
        // SAFETY: size classes are never zero.
        let at = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| "the system's memory".to_string())?;
        Ok(HostBlock { at, layout })
    }

    pub(super) fn as_ptr(&self) -> *mut u8 {
        self.at.as_ptr()
    }
}

impl Drop for HostBlock {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and freed once.
        unsafe { dealloc(self.at.as_ptr(), self.layout) }
    }
}
