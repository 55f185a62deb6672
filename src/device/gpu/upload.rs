//! A ring of mapped buffers through which bytes go up: written by the program, copied by a recorded command.
//!
//! The copy is a command as launches are, so it neither overtakes them nor makes them be submitted early.

use std::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of one buffer of the ring; what is larger goes up in pieces.
const CHUNK: u64 = 4 << 20;
/// Buffers in flight after which an upload waits for the oldest.
const MOST: usize = 16;

struct Open {
    buffer: wgpu::Buffer,
    used: u64,
}

pub(super) struct Uploads {
    open: Option<Open>,
    /// Written, and to be unmapped when the commands that read them are submitted.
    written: Vec<wgpu::Buffer>,
    /// Mapped again.
    sender: Sender<wgpu::Buffer>,
    receiver: Receiver<wgpu::Buffer>,
    in_flight: usize,
}

impl Uploads {
    pub fn new() -> Uploads {
        let (sender, receiver) = channel();
        Uploads { open: None, written: vec![], sender, receiver, in_flight: 0 }
    }

    /// The largest piece that goes up at once.
    pub const PIECE: usize = CHUNK as usize;

    /// Whether so many buffers are on their way that a new one should wait.
    pub fn is_full(&self) -> bool {
        self.in_flight >= MOST && self.open.is_none()
    }

    /// Writes a piece, a multiple of 4 bytes; where it lies until it is copied.
    pub fn write(&mut self, device: &wgpu::Device, bytes: &[u8]) -> Result<(wgpu::Buffer, u64), wgpu::MapRangeError> {
        let n = bytes.len() as u64;
        if self.open.as_ref().is_some_and(|o| o.used + n > CHUNK) {
            self.written.extend(self.open.take().map(|o| o.buffer));
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let buffer = match self.receiver.try_recv() {
                    Ok(buffer) => {
                        self.in_flight -= 1;
                        buffer
                    }
                    Err(_) => device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some("upload"),
                        size: CHUNK,
                        usage: wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
                        mapped_at_creation: true,
                    }),
                };
                self.open.insert(Open { buffer, used: 0 })
            }
        };
        let at = open.used;
        open.buffer.get_mapped_range_mut(at..at + n)?.slice(..).copy_from_slice(bytes);
        // Views begin at multiples of 8.
        open.used = (at + n).next_multiple_of(8);
        Ok((open.buffer.clone(), at))
    }

    /// Unmaps what was written: its copies are about to be submitted.
    pub fn close(&mut self) -> Vec<wgpu::Buffer> {
        self.written.extend(self.open.take().map(|o| o.buffer));
        self.written.iter().for_each(wgpu::Buffer::unmap);
        std::mem::take(&mut self.written)
    }

    /// Has buffers come back when the device has read them.
    pub fn recall(&mut self, closed: Vec<wgpu::Buffer>) {
        for buffer in closed {
            self.in_flight += 1;
            let (sender, back) = (self.sender.clone(), buffer.clone());
            buffer.map_async(wgpu::MapMode::Write, .., move |mapped| {
                if mapped.is_ok() {
                    let _ = sender.send(back);
                }
            });
        }
    }

    /// Forgets what was written and not submitted.
    pub fn forget(&mut self) {
        self.written.clear();
        self.open = None;
    }
}
