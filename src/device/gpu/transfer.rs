//! Values up and down: through mapped buffers, waited for by whoever needs them.

use super::{Gpu, fault, recorder::Recorder, upload::Uploads};
use crate::{
    device::{Buffer, stats::bump},
    error::Result,
};
use parking_lot::{Condvar, Mutex};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        mpsc::{Sender, channel},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Bytes that come down by one mapped buffer; what is larger comes in pieces.
const PIECE: u64 = 256 << 20;

/// A thread that waits for the device on behalf of futures.
pub(super) struct Waiter {
    device: wgpu::Device,
    work: OnceLock<Sender<wgpu::SubmissionIndex>>,
}

impl Waiter {
    pub fn new(device: &wgpu::Device) -> Waiter {
        Waiter { device: device.clone(), work: OnceLock::new() }
    }

    /// Has the callbacks of a submission called when it is done.
    fn watch(&self, submission: wgpu::SubmissionIndex) {
        let work = self.work.get_or_init(|| {
            let (sender, receiver) = channel::<wgpu::SubmissionIndex>();
            let device = self.device.clone();
            let run = move || {
                for submission in receiver {
                    let _ = device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
                }
            };
            // Without the thread a future still completes when anybody waits for the device.
            let _ = std::thread::Builder::new().name("catena-waiter".into()).spawn(run);
            sender
        });
        let _ = work.send(submission);
    }
}

#[derive(Default)]
struct Mapped {
    state: Mutex<MappedState>,
    changed: Condvar,
}

#[derive(Default)]
struct MappedState {
    result: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

/// Bytes on their way down.
struct Piece {
    staging: wgpu::Buffer,
    /// Bytes of it that are used, those to pass over at its start, and those to take.
    total: u64,
    skip: usize,
    len: usize,
    /// Where the fault record lies in it, and what was launched before it was copied.
    fault: Option<(usize, u64)>,
    mapped: Arc<Mapped>,
    submission: wgpu::SubmissionIndex,
}

/// Values that were asked for: wait for them, or await them.
pub(crate) struct Download {
    gpu: Arc<Gpu>,
    pieces: Result<Vec<Piece>>,
    watched: bool,
}

impl Gpu {
    /// Copies bytes from the host to the start of a buffer; the length is a multiple of 4.
    pub(crate) fn upload(&self, buffer: &Buffer, bytes: &[u8]) {
        if bytes.is_empty() || self.failure.lock().is_some() {
            return;
        }
        let mut recorder = self.recorder.lock();
        for (i, piece) in bytes.chunks(Uploads::PIECE).enumerate() {
            if recorder.uploads.is_full() {
                self.submit(&mut recorder);
                recorder.wait_for_oldest(&self.device);
            }
            match recorder.uploads.write(&self.device, piece) {
                Ok((from, at)) => {
                    let to = (i * Uploads::PIECE) as u64;
                    recorder.copy(from, at, buffer.gpu().clone(), to, piece.len() as u64);
                }
                Err(error) => return self.fail(self.gone(error)),
            }
        }
        bump(&self.counters.bytes_up, bytes.len() as u64);
        if recorder.is_full() {
            self.submit(&mut recorder);
        }
    }

    /// Waits until everything launched has run.
    ///
    /// # Errors
    /// The first failure since the last blocking call.
    pub(crate) fn synchronize(self: &Arc<Gpu>) -> Result<()> {
        if self.faults.is_armed() {
            return self.read(None).wait().map(drop);
        }
        self.flush();
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.take_failure()?;
        waited.map(drop).map_err(|e| self.gone(e))
    }

    /// Asks for `len` bytes of a buffer from byte `start` on.
    pub(crate) fn download(self: &Arc<Gpu>, buffer: &Buffer, start: u64, len: u64) -> Download {
        self.read(Some((buffer, start, len)))
    }

    /// One submit for values and, where kernels could have met a bad index, for the fault record.
    fn read(self: &Arc<Gpu>, values: Option<(&Buffer, u64, u64)>) -> Download {
        let (start, len) = values.map_or((0, 0), |(_, start, len)| (start, len));
        let mut pieces = vec![];
        let mut recorder = self.recorder.lock();
        let mut at = start;
        loop {
            let end = (start + len).min((at / 4 * 4) + PIECE);
            let last = end == start + len;
            let buffer = values.filter(|_| end > at).map(|(b, ..)| (b, at, end));
            if let Some(piece) = self.piece(&mut recorder, buffer, last) {
                pieces.push(piece);
            }
            if last {
                break;
            }
            at = end;
        }
        let failed = self.failure.lock().is_some();
        Download {
            gpu: self.clone(),
            pieces: if failed { self.take_failure().map(|()| vec![]) } else { Ok(pieces) },
            watched: false,
        }
    }

    fn piece(&self, recorder: &mut Recorder, values: Option<(&Buffer, u64, u64)>, last: bool) -> Option<Piece> {
        let (first, skip, len) = values.map_or((0, 0, 0), |(_, at, end)| (at / 4 * 4, at % 4, end - at));
        let padded = (skip + len).next_multiple_of(4);
        let armed = if last { self.faults.armed() } else { None };
        let total = padded + if armed.is_some() { fault::BYTES } else { 0 };
        if total == 0 {
            self.submit(recorder);
            return None;
        }
        let staging = self.staging_buffer(total);
        if let Some((buffer, ..)) = values {
            recorder.copy(buffer.gpu().clone(), first, staging.clone(), 0, padded);
        }
        if armed.is_some() {
            recorder.copy(self.faults.buffer().clone(), 0, staging.clone(), padded, fault::BYTES);
        }
        self.submit(recorder);
        let submission = recorder.last_submission()?;
        bump(&self.counters.read_backs, 1);
        bump(&self.counters.bytes_down, padded);
        let mapped = Arc::new(Mapped::default());
        let done = mapped.clone();
        staging.map_async(wgpu::MapMode::Read, ..total, move |result| {
            let mut state = done.state.lock();
            state.result = Some(result);
            let waker = state.waker.take();
            drop(state);
            done.changed.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let fault = armed.map(|epoch| (padded as usize, epoch));
        Some(Piece { staging, total, skip: skip as usize, len: len as usize, fault, mapped, submission })
    }

    /// Copies a piece that has arrived, and keeps its buffer for another.
    fn finish(&self, piece: Piece, out: &mut Vec<u8>) -> Result<()> {
        let fault = {
            let bytes = piece.staging.get_mapped_range(..piece.total).map_err(|e| self.gone(e))?;
            out.extend_from_slice(&bytes[piece.skip..piece.skip + piece.len]);
            piece.fault.and_then(|(at, epoch)| self.faults.decode(&bytes[at..], epoch))
        };
        piece.staging.unmap();
        let mut kept = self.staging.lock();
        // A handful is enough: one for each size that a loop reads.
        if kept.len() >= 8 {
            kept.remove(0);
        }
        kept.push(piece.staging);
        match fault {
            None => Ok(()),
            Some(error) => {
                self.faults.clear(&self.queue);
                Err(error)
            }
        }
    }

    fn staging_buffer(&self, bytes: u64) -> wgpu::Buffer {
        let mut kept = self.staging.lock();
        if let Some(i) = kept.iter().position(|b| b.size() >= bytes && b.size() <= 4 * bytes.max(4096)) {
            return kept.swap_remove(i);
        }
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read-back"),
            size: crate::device::pool::size_class(bytes),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }
}

impl Download {
    /// Waits for the values.
    ///
    /// # Errors
    /// The first failure since the last blocking call.
    pub fn wait(mut self) -> Result<Vec<u8>> {
        let wait = |gpu: &Gpu, piece: &Piece| {
            let index = Some(piece.submission.clone());
            let waited = gpu.device.poll(wgpu::PollType::Wait { submission_index: index, timeout: None });
            gpu.take_failure()?;
            waited.map_err(|e| gpu.gone(e))?;
            // Another thread that waits may be the one that calls back, and be about to.
            let mut state = piece.mapped.state.lock();
            while state.result.is_none() && !gpu.is_lost() {
                piece.mapped.changed.wait_for(&mut state, Duration::from_millis(50));
            }
            Ok(())
        };
        if let Ok(pieces) = &self.pieces {
            pieces.iter().try_for_each(|piece| wait(&self.gpu, piece))?;
        }
        self.collect()
    }

    /// The values of pieces that have arrived.
    fn collect(&mut self) -> Result<Vec<u8>> {
        self.gpu.take_failure()?;
        let pieces = std::mem::replace(&mut self.pieces, Ok(vec![]))?;
        let mut out = Vec::with_capacity(pieces.iter().map(|p| p.len).sum());
        for piece in pieces {
            let arrived = piece.mapped.state.lock().result.take();
            match arrived {
                Some(Ok(())) => self.gpu.finish(piece, &mut out)?,
                Some(Err(error)) => return Err(self.gpu.gone(error)),
                None => return Err(self.gpu.gone("values did not arrive")),
            }
        }
        Ok(out)
    }
}

impl Future for Download {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::replace(&mut self.watched, true)
            && let Ok(pieces) = &self.pieces
            && let Some(piece) = pieces.last()
        {
            self.gpu.waiter.watch(piece.submission.clone());
        }
        if let Ok(pieces) = &self.pieces {
            for piece in pieces {
                let mut mapped = piece.mapped.state.lock();
                if mapped.result.is_none() && !self.gpu.is_lost() {
                    mapped.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(self.collect())
    }
}
