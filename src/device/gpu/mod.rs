//! Any adapter that wgpu reaches: memory, transfers, launches, failures.

mod bindings;
mod fault;
mod pipeline;
mod recorder;

pub(crate) use pipeline::{Binding, Launch, ParamSpace};

use super::{
    Device,
    buffer::{Buffer, Raw},
    pool::{Block, BufferPool},
    stats::{Counters, bump},
};
use crate::error::{Error, Result};
use bindings::GroupCache;
use parking_lot::Mutex;
use pipeline::PipelineCache;
use recorder::Recorder;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether shaders are checked at run time: `CATENA_CHECKED=1`.
pub(crate) fn checked() -> bool {
    std::env::var("CATENA_CHECKED").is_ok_and(|v| v == "1")
}

/// An open adapter.
pub struct Gpu {
    pub(super) name: String,
    pub(super) counters: Counters,
    pub(super) pool: BufferPool<wgpu::Buffer>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: wgpu::Limits,
    features: wgpu::Features,
    software: bool,
    checked: bool,
    recorder: Mutex<Recorder>,
    pipelines: PipelineCache,
    groups: Mutex<GroupCache>,
    staging: Mutex<Vec<wgpu::Buffer>>,
    failure: Arc<Mutex<Option<Error>>>,
    lost: Arc<AtomicBool>,
    faults: fault::Faults,
}

// SAFETY: every field is, as `fields_are_shareable` has the compiler prove. Stated here so that the proof, which goes deep
// into wgpu, is not repeated in every program that has a link: there it would run into the recursion limit.
unsafe impl Send for Gpu {}
unsafe impl Sync for Gpu {}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    const fn fields_are_shareable() {
        shareable::<(wgpu::Device, wgpu::Queue, wgpu::Limits, wgpu::Features, BufferPool<wgpu::Buffer>, Counters)>();
        shareable::<(Mutex<Recorder>, PipelineCache, Mutex<GroupCache>, Mutex<Vec<wgpu::Buffer>>, fault::Faults)>();
        shareable::<(Arc<Mutex<Option<Error>>>, Arc<AtomicBool>)>();
    }
    fields_are_shareable();
};

impl Gpu {
    /// Opens an adapter with all its limits and the features that kernels may use.
    pub(super) fn open(adapter: &wgpu::Adapter, name: String) -> Result<Gpu> {
        let limits = adapter.limits();
        let wanted = wgpu::Features::SHADER_F16
            | wgpu::Features::SUBGROUP
            | wgpu::Features::IMMEDIATES
            | wgpu::Features::PIPELINE_CACHE
            | wgpu::Features::TIMESTAMP_QUERY;
        let features = adapter.features() & wanted;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("catena"),
            required_features: features,
            required_limits: limits.clone(),
            // The pool sub-divides nothing: wgpu should not keep large blocks of its own in reserve.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| Error::DeviceRequest { adapter: name.clone(), reason: e.to_string() })?;
        let failure = Arc::new(Mutex::new(None));
        let lost = Arc::new(AtomicBool::new(false));
        {
            let (failure, name) = (failure.clone(), name.clone());
            device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
                let error = match &e {
                    wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory {
                        device: name.clone(),
                        requested: 0,
                        held: 0,
                        limit: "the driver's".into(),
                        holders: "unknown".into(),
                    },
                    other => {
                        Error::Kernel { kernel: "(unknown)".into(), device: name.clone(), reason: other.to_string() }
                    }
                };
                tracing::error!("{error}");
                failure.lock().get_or_insert(error);
            }));
        }
        {
            let (failure, lost, name) = (failure.clone(), lost.clone(), name.clone());
            device.set_device_lost_callback(move |reason, text| {
                lost.store(true, Relaxed);
                let reason = if text.is_empty() { format!("{reason:?}") } else { text };
                *failure.lock() = Some(Error::DeviceLost { device: name.clone(), reason });
            });
        }
        let software = adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let faults = fault::Faults::new(&device);
        let recorder = Mutex::new(Recorder::new(&device, &limits));
        let pipelines = PipelineCache::new(features, &limits);
        tracing::info!(adapter = %name, "device opened");
        Ok(Gpu {
            name,
            counters: Counters::default(),
            pool: BufferPool::new(),
            device,
            queue,
            limits,
            features,
            software,
            checked: checked(),
            recorder,
            pipelines,
            groups: Mutex::new(GroupCache::default()),
            staging: Mutex::new(vec![]),
            failure,
            lost,
            faults,
        })
    }

    /// Whether the driver runs shaders on the CPU.
    pub(crate) fn is_software(&self) -> bool {
        self.software
    }

    /// Whether kernels may use 16-bit floats.
    pub(crate) fn has_f16(&self) -> bool {
        self.features.contains(wgpu::Features::SHADER_F16)
    }

    /// Storage buffers that one kernel may bind; 8 of them everywhere.
    pub(crate) fn max_bindings(&self) -> usize {
        (self.limits.max_storage_buffers_per_shader_stage as usize).min(16)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.lock().clone()
    }

    /// Marks the device with its first failure; launches do nothing until it is seen.
    pub(crate) fn fail(&self, error: Error) {
        self.failure.lock().get_or_insert(error);
    }

    /// The failure, if any; out of memory and bad indices are forgotten once told, a lost device stays lost.
    fn take_failure(&self) -> Result<()> {
        let mut failure = self.failure.lock();
        let Some(error) = failure.clone() else { return Ok(()) };
        if !self.is_lost() {
            *failure = None;
        }
        Err(error)
    }

    /// The largest buffer that a kernel can see whole.
    pub(super) fn most_bytes(&self) -> u64 {
        self.limits.max_buffer_size.min(self.limits.max_storage_buffer_binding_size)
    }

    pub(super) fn allocate(self: &Arc<Gpu>, bytes: u64) -> Result<Buffer> {
        if let Some(error @ Error::DeviceLost { .. }) = self.failure() {
            return Err(error);
        }
        let most = self.most_bytes();
        if bytes > most {
            let error = Error::Unsupported {
                what: format!("a tensor of {bytes} bytes"),
                device: self.name.clone(),
                need: format!("one binding holds at most {most} bytes"),
                hint: "split it, or use the CPU device".into(),
            };
            self.fail(error.clone());
            return Err(error);
        }
        let create = |class: u64| {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: class.min(most.next_multiple_of(256)),
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            match pollster::block_on(scope.pop()) {
                None => Ok(buffer),
                Some(_) => Err("the adapter's memory".to_string()),
            }
        };
        let taken = self.pool.take(&self.name, bytes, create, |blocks| self.evict(&blocks));
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

    /// Forgets the bind groups of buffers that go back to the system: a cached group would keep them alive.
    fn evict(&self, blocks: &[Block<wgpu::Buffer>]) {
        self.groups.lock().evict(blocks.iter().map(|b| b.id));
    }

    pub(super) fn free_all_blocks(&self) {
        self.flush();
        let blocks = self.pool.free_all();
        self.evict(&blocks);
        self.staging.lock().clear();
    }

    /// Copies bytes from the host to the start of a buffer; the length is a multiple of 4.
    pub(crate) fn upload(&self, buffer: &Buffer, bytes: &[u8]) {
        if bytes.is_empty() || self.failure.lock().is_some() {
            return;
        }
        let mut recorder = self.recorder.lock();
        // `write_buffer` takes effect before anything recorded and not yet submitted.
        if recorder.is_recording(buffer.last_batch()) {
            self.submit(&mut recorder);
        }
        self.queue.write_buffer(buffer.gpu(), 0, bytes);
        bump(&self.counters.bytes_up, bytes.len() as u64);
    }

    /// Records one kernel; nothing happens while a failure is pending.
    pub(crate) fn launch(&self, launch: &Launch<'_>) {
        if launch.groups.contains(&0) || self.failure.lock().is_some() {
            return;
        }
        let pipeline = match self.pipeline(launch) {
            Ok(pipeline) => pipeline,
            Err(error) => return self.fail(error),
        };
        let group = self.group(&pipeline, launch);
        let mut recorder = self.recorder.lock();
        if !recorder.has_room(launch.params.len()) {
            self.submit(&mut recorder);
        }
        for binding in launch.bindings {
            binding.buffer.used_in(recorder.batch());
        }
        recorder.launch(pipeline, group, launch.params, launch.groups);
        bump(&self.counters.launches, 1);
        if recorder.is_full() {
            self.submit(&mut recorder);
        }
    }

    /// Hands everything recorded to the driver.
    pub(crate) fn flush(&self) {
        self.submit(&mut self.recorder.lock());
    }

    /// The one place that submits.
    fn submit(&self, recorder: &mut Recorder) {
        if recorder.submit(&self.device, &self.queue) {
            bump(&self.counters.submits, 1);
        }
    }

    /// Waits until everything launched has run.
    ///
    /// # Errors
    /// The first failure since the last blocking call.
    pub(crate) fn synchronize(self: &Arc<Gpu>) -> Result<()> {
        let armed = self.faults.is_armed();
        if armed {
            self.read(None).map(drop)
        } else {
            self.flush();
            let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
            self.take_failure()?;
            waited.map(drop).map_err(|e| self.gone(e))
        }
    }

    fn gone(&self, reason: impl std::fmt::Display) -> Error {
        Error::DeviceLost { device: self.name.clone(), reason: reason.to_string() }
    }

    /// Waits for `len` bytes of a buffer from byte `start` on.
    ///
    /// # Errors
    /// The first failure since the last blocking call.
    pub(crate) fn download(self: &Arc<Gpu>, buffer: &Buffer, start: u64, len: u64) -> Result<Vec<u8>> {
        self.read(Some((buffer, start, len)))
    }

    /// One submit and one wait for values and, where kernels could have met a bad index, for the fault record.
    fn read(&self, values: Option<(&Buffer, u64, u64)>) -> Result<Vec<u8>> {
        let (first, skip, len, padded) = match values {
            Some((_, start, len)) => {
                let first = start / 4 * 4;
                let skip = (start - first) as usize;
                (first, skip, len as usize, (skip as u64 + len).next_multiple_of(4))
            }
            None => (0, 0, 0, 0),
        };
        let armed = self.faults.is_armed();
        let total = padded + if armed { fault::BYTES } else { 0 };
        if total == 0 {
            self.flush();
            self.take_failure()?;
            return Ok(vec![]);
        }
        let staging = self.staging_buffer(total);
        {
            let mut recorder = self.recorder.lock();
            if let Some((buffer, _, len)) = values
                && len > 0
            {
                recorder.copy(buffer.gpu().clone(), first, staging.clone(), 0, padded);
            }
            if armed {
                recorder.copy(self.faults.buffer().clone(), 0, staging.clone(), padded, fault::BYTES);
            }
            self.submit(&mut recorder);
        }
        bump(&self.counters.read_backs, 1);
        bump(&self.counters.bytes_down, padded);
        let (send, receive) = std::sync::mpsc::channel();
        staging.slice(..total).map_async(wgpu::MapMode::Read, move |mapped| {
            let _ = send.send(mapped);
        });
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.take_failure()?;
        waited.map_err(|e| self.gone(e))?;
        receive.recv().map_err(|e| self.gone(e))?.map_err(|e| self.gone(e))?;
        let (out, fault) = {
            let bytes = staging.slice(..total).get_mapped_range().map_err(|e| self.gone(e))?;
            let fault = armed.then(|| self.faults.decode(&bytes[padded as usize..])).flatten();
            (bytes[skip..skip + len].to_vec(), fault)
        };
        staging.unmap();
        self.staging.lock().push(staging);
        match fault {
            None => Ok(out),
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
        // A handful is enough: one for each size that a loop reads.
        if kept.len() >= 8 {
            kept.remove(0);
        }
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read-back"),
            size: super::pool::size_class(bytes),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// The fault record, once a kernel that could write it has been launched.
    pub(crate) fn fault_record(self: &Arc<Gpu>) -> Option<Buffer> {
        self.faults.is_armed().then(|| self.fault_buffer())
    }

    fn fault_buffer(self: &Arc<Gpu>) -> Buffer {
        let block = Block::new(u64::MAX, self.faults.buffer().clone());
        Buffer::new(Raw::Gpu(block), 0, Device::Gpu(self.clone()))
    }

    /// The fault record as a binding, for kernels whose indices come from data. Registers who may fault.
    pub(crate) fn fault_binding(self: &Arc<Gpu>, operator: &'static str) -> (Buffer, u32) {
        self.faults.arm(operator, || self.fault_buffer())
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.flush();
    }
}
