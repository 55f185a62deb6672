//! The fault record: where kernels note an index that was out of range.
//!
//! A kernel clamps such an index, so that no memory is touched that should not be, and writes here who, what and where.
//! The record comes back with the next blocking call, as an error.

use crate::{device::Buffer, error::Error};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Operator, index, position, low, high, and padding.
pub(super) const BYTES: u64 = 32;

/// The number of the record's buffer.
pub(super) const RECORD: u64 = u64::MAX;

pub(super) struct Faults {
    record: wgpu::Buffer,
    operators: Mutex<Vec<&'static str>>,
    /// Kernels launched that could write it, and how many of them the last record read came after.
    launched: AtomicU64,
    seen: AtomicU64,
}

impl Faults {
    pub fn new(device: &wgpu::Device) -> Faults {
        let record = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("faults"),
            size: BYTES,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Faults { record, operators: Mutex::new(vec![]), launched: AtomicU64::new(0), seen: AtomicU64::new(0) }
    }

    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.record
    }

    /// Whether any kernel launched since the record was last read could have written it.
    pub fn is_armed(&self) -> bool {
        self.armed().is_some()
    }

    /// How many such kernels there were so far, if any of them has not been looked at.
    pub fn armed(&self) -> Option<u64> {
        let launched = self.launched.load(Relaxed);
        (launched > self.seen.load(Relaxed)).then_some(launched)
    }

    /// Notes the launch of a kernel that can write the record.
    pub fn note(&self) {
        self.launched.fetch_add(1, Relaxed);
    }

    /// A binding of the record, and the number by which the operator signs.
    pub fn arm(&self, operator: &'static str, binding: impl FnOnce() -> Buffer) -> (Buffer, u32) {
        let mut operators = self.operators.lock();
        let at = operators.iter().position(|o| *o == operator).unwrap_or_else(|| {
            operators.push(operator);
            operators.len() - 1
        });
        (binding(), at as u32 + 1)
    }

    /// The fault in a record that was copied after `launched` kernels that could write it.
    pub fn decode(&self, bytes: &[u8], launched: u64) -> Option<Error> {
        let word = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().expect("four bytes"));
        self.seen.fetch_max(launched, Relaxed);
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
