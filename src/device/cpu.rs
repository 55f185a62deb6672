//! The CPU device: pooled, aligned host memory.

use super::{pool::BufferPool, stats::Counters};
use memmap2::MmapMut;
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

/// From this size on a block is mapped by itself. The system then clears its pages as they are first written, by whatever
/// thread does so, where an allocator that aligns would clear them here and now. Without asking for huge pages: the
/// first pass of AlexNet's gradients took 2.5 times as long with them (`benches/RESULTS.md`).
const MAPPED: usize = 4 << 20;

/// Aligned host memory, zeroed when first made.
pub struct HostBlock {
    at: NonNull<u8>,
    memory: Memory,
}

enum Memory {
    Allocated(Layout),
    /// Unmapped when dropped.
    Mapped(#[expect(dead_code, reason = "holds the mapping")] MmapMut),
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
        let refused = || "the system's memory".to_string();
        if layout.size() >= MAPPED {
            let mut map = MmapMut::map_anon(layout.size()).map_err(|_| refused())?;
            let at = NonNull::new(map.as_mut_ptr()).ok_or_else(refused)?;
            return Ok(HostBlock { at, memory: Memory::Mapped(map) });
        }
        // SAFETY: size classes are never zero.
        let at = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(refused)?;
        Ok(HostBlock { at, memory: Memory::Allocated(layout) })
    }

    pub(super) fn as_ptr(&self) -> *mut u8 {
        self.at.as_ptr()
    }
}

impl Drop for HostBlock {
    fn drop(&mut self) {
        if let Memory::Allocated(layout) = self.memory {
            // SAFETY: allocated in `new` with this layout, and freed once.
            unsafe { dealloc(self.at.as_ptr(), layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_every_kind_are_zero_and_aligned() {
        for bytes in [256, MAPPED - 64, MAPPED, MAPPED + 4096] {
            let block = HostBlock::new(bytes as u64).unwrap();
            assert_eq!(block.as_ptr() as usize % ALIGN, 0);
            // SAFETY: the block is this test's.
            let memory = unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), bytes) };
            assert!(memory.iter().all(|&b| b == 0));
            memory.fill(7);
        }
        assert!(HostBlock::new(u64::MAX).is_err() && HostBlock::new(1 << 60).is_err());
    }
}
