//! Devices: the CPU, and any adapter that wgpu reaches.
//!
//! A device allocates, uploads, downloads, copies, launches and synchronises; it knows no operator.

mod buffer;
mod cpu;
mod folder;
pub(crate) mod gpu;
mod memory;
mod pool;
mod select;
mod stats;

pub use buffer::Buffer;
pub use cpu::Cpu;
pub use gpu::Gpu;
pub use memory::{ClassUse, Memory, Tag};
pub use select::{DeviceInfo, DeviceOptions};
pub use stats::Stats;

use crate::error::Result;
use buffer::Raw;
use parking_lot::{Condvar, Mutex};
use stats::bump;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// Where tensors live and operators run.
#[derive(Clone)]
pub enum Device {
    /// The host.
    Cpu(Arc<Cpu>),
    /// An adapter that wgpu drives: Vulkan, Metal or DX12.
    Gpu(Arc<Gpu>),
}

impl Device {
    /// The CPU device; every call gives the same one.
    pub fn cpu() -> Device {
        static CPU: OnceLock<Arc<Cpu>> = OnceLock::new();
        Device::Cpu(CPU.get_or_init(|| Arc::new(Cpu::new())).clone())
    }

    /// Whether this is the CPU device.
    pub fn is_cpu(&self) -> bool {
        matches!(self, Device::Cpu(_))
    }

    /// The name to show: `cpu`, or the adapter's name with its driver interface.
    pub fn name(&self) -> String {
        match self {
            Device::Cpu(_) => "cpu".into(),
            Device::Gpu(gpu) => gpu.name.clone(),
        }
    }

    /// Counters and memory levels.
    pub fn stats(&self) -> Stats {
        let (mut stats, (used, total, peak)) = match self {
            Device::Cpu(cpu) => (cpu.counters.snapshot(), cpu.pool.levels()),
            Device::Gpu(gpu) => (gpu.counters.snapshot(), gpu.pool.levels()),
        };
        (stats.used_bytes, stats.total_bytes, stats.peak_bytes) = (used, total, peak);
        stats
    }

    /// Starts `peak_bytes` anew from what is held now.
    pub fn reset_peak(&self) {
        match self {
            Device::Cpu(cpu) => cpu.pool.reset_peak(),
            Device::Gpu(gpu) => gpu.pool.reset_peak(),
        }
    }

    /// Gives every free block of the pool back to the system.
    pub fn free_all_blocks(&self) {
        match self {
            Device::Cpu(cpu) => drop(cpu.pool.free_all()),
            Device::Gpu(gpu) => gpu.free_all_blocks(),
        }
    }

    /// Gives those free blocks back that were not asked for lately, or that are more than twice of what was in use.
    ///
    /// The pool does the same by itself whenever it needs a new block.
    pub fn trim(&self) {
        match self {
            Device::Cpu(cpu) => drop(cpu.pool.trim()),
            Device::Gpu(gpu) => gpu.trim(),
        }
    }

    /// What memory is held for, and by blocks of which sizes.
    pub fn memory(&self) -> Memory {
        match self {
            Device::Cpu(cpu) => cpu.pool.memory(),
            Device::Gpu(gpu) => gpu.pool.memory(),
        }
    }

    /// Gives a GPU up: its memory is freed, and whatever is asked of this device or its tensors from now on fails with
    /// [`Error::DeviceLost`](crate::error::Error::DeviceLost). Opening the adapter again gives a new device.
    ///
    /// The CPU device cannot be closed: nothing happens.
    pub fn close(&self) {
        if let Device::Gpu(gpu) = self {
            gpu.close();
        }
    }

    /// Keeps compiled kernels on disk now, which otherwise happens when compiling has paused for a moment.
    pub fn save_pipelines(&self) {
        if let Device::Gpu(gpu) = self {
            gpu.save_pipelines();
        }
    }

    /// The failure that is pending, as a result: what was recorded since did not run.
    pub(crate) fn check(&self) -> Result<()> {
        self.failure().map_or(Ok(()), Err)
    }

    /// Limits what the pool takes from the system, in bytes; `None` lifts the limit.
    pub fn set_limit(&self, bytes: Option<u64>) {
        match self {
            Device::Cpu(cpu) => cpu.pool.set_limit(bytes),
            Device::Gpu(gpu) => gpu.pool.set_limit(bytes),
        }
    }

    /// The largest buffer that one kernel can see whole, in bytes.
    pub(crate) fn most_bytes(&self) -> u64 {
        match self {
            Device::Cpu(_) => isize::MAX as u64,
            Device::Gpu(gpu) => gpu.most_bytes(),
        }
    }

    /// Whether a launch costs about as much as a call, so that there is nothing to win by fewer of them.
    pub(crate) fn launches_are_free(&self) -> bool {
        self.is_cpu()
    }

    /// The first failure of the device that nobody has seen yet.
    pub fn failure(&self) -> Option<crate::error::Error> {
        match self {
            Device::Cpu(_) => None,
            Device::Gpu(gpu) => gpu.failure(),
        }
    }

    /// Marks a GPU with a failure, which comes with the next blocking call.
    pub(crate) fn fail(&self, error: crate::error::Error) {
        if let Device::Gpu(gpu) = self {
            gpu.fail(error);
        }
    }

    /// Memory for at least `bytes` bytes; its contents are what was there before.
    pub(crate) fn allocate(&self, bytes: u64) -> Result<Buffer> {
        match self {
            Device::Cpu(cpu) => {
                let (block, class, created) = cpu.pool.take("cpu", bytes, cpu::HostBlock::new, drop)?;
                bump(&cpu.counters.allocations, 1);
                bump(&cpu.counters.buffers_created, u64::from(created));
                Ok(Buffer::new(Raw::Host(block), class, self.clone()))
            }
            Device::Gpu(gpu) => gpu.allocate(bytes),
        }
    }

    /// Counts a kernel that ran on the CPU device.
    pub(crate) fn count_launch(&self) {
        if let Device::Cpu(cpu) = self {
            bump(&cpu.counters.launches, 1);
        }
    }

    /// Counts values that were read by the program.
    pub(crate) fn count_read_back(&self, bytes: u64) {
        if let Device::Cpu(cpu) = self {
            bump(&cpu.counters.read_backs, 1);
            bump(&cpu.counters.bytes_down, bytes);
        }
    }

    /// Counts values that came from the program.
    pub(crate) fn count_upload(&self, bytes: u64) {
        if let Device::Cpu(cpu) = self {
            bump(&cpu.counters.bytes_up, bytes);
        }
    }
}

/// What threads that force tensors share: claims are made under the lock, waits end when it is notified.
#[derive(Default)]
pub(crate) struct Claims {
    pub lock: Mutex<()>,
    pub changed: Condvar,
}

/// One set of claims for all devices: they are held for microseconds.
pub(crate) fn claims() -> &'static Claims {
    static CLAIMS: OnceLock<Claims> = OnceLock::new();
    CLAIMS.get_or_init(Claims::default)
}

impl PartialEq for Device {
    /// Whether both are the same open device.
    fn eq(&self, other: &Device) -> bool {
        match (self, other) {
            (Device::Cpu(a), Device::Cpu(b)) => Arc::ptr_eq(a, b),
            (Device::Gpu(a), Device::Gpu(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}
impl Eq for Device {}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({})", self.name())
    }
}
