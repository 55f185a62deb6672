//! The fault record: where kernels note an index that was out of range.
//!
//! A kernel clamps such an index, so that no memory is touched that should not be, and writes here who, what and where.
//! The record comes back with the next blocking call, as an error.

use crate::{device::Buffer, error::Error};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Operator, index, position, low, high, and padding.
pub(super) const BYTES: u64 = 32;

pub(super) struct Faults {
    record: wgpu::Buffer,
    operators: Mutex<Vec<&'static str>>,
    armed: AtomicBool,
}

impl Faults {
    pub fn new(device: &wgpu::Device) -> Faults {
        let record = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("faults"),
            size: BYTES,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Faults { record, operators: Mutex::new(vec![]), armed: AtomicBool::new(false) }
    }

    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.record
    }

    /// Whether any kernel launched so far could have written a fault.
    pub fn is_armed(&self) -> bool {
        self.armed.load(Relaxed)
    }

    /// A binding of the record, and the number by which the operator signs.
    pub fn arm(&self, operator: &'static str, binding: impl FnOnce() -> Buffer) -> (Buffer, u32) {
        self.armed.store(true, Relaxed);
        let mut operators = self.operators.lock();
        let at = operators.iter().position(|o| *o == operator).unwrap_or_else(|| {
            operators.push(operator);
            operators.len() - 1
        });
        (binding(), at as u32 + 1)
    }

    pub fn decode(&self, bytes: &[u8]) -> Option<Error> {
        let word = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().expect("four bytes"));
        self.armed.store(false, Relaxed);
        let operator = *self.operators.lock().get((word(0) as usize).checked_sub(1)?)?;
        Some(Error::IndexOutOfRange {
            operator: operator.into(),
            index: i64::from(word(1) as i32),
            position: word(2) as usize,
            low: i64::from(word(3) as i32),
            high: i64::from(word(4) as i32),
        })
    }

    pub fn clear(&self, queue: &wgpu::Queue) {
        queue.write_buffer(&self.record, 0, &[0; BYTES as usize]);
    }
}
