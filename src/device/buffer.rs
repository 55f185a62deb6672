//! A block of device memory that goes back to its pool when the last handle is dropped.

use super::{Device, Tag, cpu::HostBlock, pool::Block};
use crate::shape::Element;
use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

pub(super) enum Raw {
    Host(Block<HostBlock>),
    Gpu(Block<wgpu::Buffer>),
    /// Memory of the program's, which goes back to the system.
    Taken {
        id: u64,
        at: NonNull<u8>,
        _owner: Box<dyn Send + Sync>,
    },
    /// A part of another buffer, which this one keeps alive.
    Part(Buffer),
}

struct Inner {
    raw: Option<Raw>,
    class: u64,
    device: Device,
}

// SAFETY: both kinds of block are, as the constant below has the compiler prove; see `Gpu` for why it is stated.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    // Of what was taken over there is the owner, and a pointer into its memory.
    shareable::<(Block<HostBlock>, Block<wgpu::Buffer>, Box<dyn Send + Sync>)>();
};

/// Memory on a device; clones share it.
#[derive(Clone)]
pub struct Buffer(Arc<Inner>);

impl Buffer {
    pub(super) fn new(raw: Raw, class: u64, device: Device) -> Buffer {
        Buffer(Arc::new(Inner { raw: Some(raw), class, device }))
    }

    /// The memory of an array that the program gives away; it lies on the CPU.
    pub(crate) fn taken<E: Element>(values: Vec<E>, device: &Device) -> Buffer {
        assert!(device.is_cpu(), "memory of the host where a GPU buffer is expected");
        // Numbers from the end of those that pools give to blocks.
        static NEXT: AtomicU64 = AtomicU64::new(u64::MAX);
        let mut values = values;
        let at = NonNull::from(values.as_mut_slice()).cast::<u8>();
        let class = size_of_val(values.as_slice()) as u64;
        let raw = Raw::Taken { id: NEXT.fetch_sub(1, Relaxed), at, _owner: Box::new(values) };
        Buffer::new(raw, class, device.clone())
    }

    /// A handle without memory, to be replaced.
    pub(crate) fn unset(device: &Device) -> Buffer {
        Buffer(Arc::new(Inner { raw: None, class: 0, device: device.clone() }))
    }

    /// A part of this buffer for one tensor, which ends at byte `end`: its holders are counted apart, positions stay those
    /// of the whole.
    pub(crate) fn part(&self, end: u64) -> Buffer {
        assert!(0 < end && end <= self.capacity(), "a part ends within its buffer");
        Buffer::new(Raw::Part(self.clone()), end, self.device().clone())
    }

    /// Whether it is a part of another buffer.
    pub(crate) fn is_part(&self) -> bool {
        matches!(self.raw(), Raw::Part(_))
    }

    /// Whether both handles share it.
    pub(crate) fn is(&self, other: &Buffer) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many handles share it.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// The device it lies on.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// Usable bytes: the size class, at least what was asked for.
    pub fn capacity(&self) -> u64 {
        self.0.class
    }

    /// Usable bytes of the buffer that this one is, or is a part of.
    pub(crate) fn whole_bytes(&self) -> u64 {
        match &self.0.raw {
            Some(Raw::Part(whole)) => whole.whole_bytes(),
            _ => self.0.class,
        }
    }

    /// A number that stays with the block while the pool keeps it.
    pub(crate) fn id(&self) -> u64 {
        match self.raw() {
            Raw::Host(b) => b.id,
            Raw::Gpu(b) => b.id,
            Raw::Taken { id, .. } => *id,
            Raw::Part(whole) => whole.id(),
        }
    }

    /// Says what it is for.
    pub(crate) fn tag(&self, tag: Tag) {
        match (self.raw(), self.device()) {
            (Raw::Host(b), Device::Cpu(cpu)) => cpu.pool.tag(b.id, tag),
            (Raw::Gpu(b), Device::Gpu(gpu)) => gpu.pool.tag(b.id, tag),
            (Raw::Part(whole), _) => whole.tag(tag),
            _ => {}
        }
    }

    fn raw(&self) -> &Raw {
        self.0.raw.as_ref().expect("a buffer that was set")
    }

    pub(super) fn gpu(&self) -> &wgpu::Buffer {
        match self.raw() {
            Raw::Gpu(b) => &b.raw,
            Raw::Part(whole) => whole.gpu(),
            Raw::Host(_) | Raw::Taken { .. } => unreachable!("a host buffer where a GPU buffer is expected"),
        }
    }

    fn host_ptr(&self) -> *mut u8 {
        match self.raw() {
            Raw::Host(b) => b.raw.as_ptr(),
            Raw::Taken { at, .. } => at.as_ptr(),
            Raw::Part(whole) => whole.host_ptr(),
            Raw::Gpu(_) => unreachable!("a GPU buffer where a host buffer is expected"),
        }
    }

    /// Elements `start..start + n` of host memory.
    ///
    /// # Safety
    /// Nobody may write to them meanwhile, and they must hold valid values of `E` (any bytes but for `bool`).
    pub(crate) unsafe fn host<E: Element>(&self, start: usize, n: usize) -> &[E] {
        assert!(((start + n) * size_of::<E>()) as u64 <= self.0.class, "host buffer read past its end");
        // SAFETY: in bounds, aligned as a block or as a vector of such elements, initialised since the pool zeroes what it
        // makes.
        unsafe { std::slice::from_raw_parts(self.host_ptr().cast::<E>().add(start), n) }
    }

    /// Elements `start..start + n` of host memory, to write.
    ///
    /// # Safety
    /// Nobody else may read or write them meanwhile.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn host_mut<E: Element>(&self, start: usize, n: usize) -> &mut [E] {
        assert!(((start + n) * size_of::<E>()) as u64 <= self.0.class, "host buffer written past its end");
        // SAFETY: as above, and exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.host_ptr().cast::<E>().add(start), n) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        match (self.raw.take(), &self.device) {
            // The fault record is the device's own, not the pool's.
            (Some(_), _) if self.class == 0 => {}
            (Some(Raw::Host(block)), Device::Cpu(cpu)) => cpu.pool.put(block, self.class),
            (Some(Raw::Gpu(block)), Device::Gpu(gpu)) => gpu.pool.put(block, self.class),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes on {})", self.0.class, self.0.device)
    }
}
