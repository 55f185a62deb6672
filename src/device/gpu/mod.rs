//! Any adapter that wgpu reaches: memory, transfers, launches, failures.

mod bindings;
mod choices;
mod compile;
mod disk;
mod fault;
mod memory;
mod pipeline;
mod recorder;
mod transfer;
mod upload;

pub(crate) use pipeline::{Binding, Launch, ParamSpace};
pub(crate) use transfer::Download;

use super::{
    Device, DeviceOptions,
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
    subgroup_lanes: u32,
    software: bool,
    checked: bool,
    recorder: Mutex<Recorder>,
    pipelines: PipelineCache,
    groups: Mutex<GroupCache>,
    staging: Mutex<Vec<wgpu::Buffer>>,
    waiter: transfer::Waiter,
    max_work: usize,
    choices: choices::Choices,
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
        shareable::<(Arc<Mutex<Option<Error>>>, Arc<AtomicBool>, transfer::Waiter, choices::Choices)>();
    }
    fields_are_shareable();
};

impl Gpu {
    /// Opens an adapter with all its limits and the features that kernels may use.
    pub(super) fn open(adapter: &wgpu::Adapter, name: String, options: &DeviceOptions) -> Result<Gpu> {
        let mut limits = adapter.limits();
        let lower = |limit: &mut u64, to: Option<u64>| *limit = to.map_or(*limit, |to| to.min(*limit));
        lower(&mut limits.max_storage_buffer_binding_size, options.max_binding_bytes);
        lower(&mut limits.max_buffer_size, options.max_buffer_bytes);
        let wanted = wgpu::Features::SHADER_F16
            | wgpu::Features::SUBGROUP
            | wgpu::Features::IMMEDIATES
            | wgpu::Features::PIPELINE_CACHE
            | wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS;
        let mut features = adapter.features() & wanted;
        features.set(wgpu::Features::SUBGROUP, features.contains(wgpu::Features::SUBGROUP) && !options.no_subgroups);
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
                let mut failure = failure.lock();
                if !matches!(*failure, Some(Error::DeviceLost { .. })) {
                    *failure = Some(Error::DeviceLost { device: name.clone(), reason });
                }
            });
        }
        let info = adapter.get_info();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let subgroup_lanes = if features.contains(wgpu::Features::SUBGROUP) { info.subgroup_min_size } else { 0 };
        let faults = fault::Faults::new(&device);
        let recorder = Mutex::new(Recorder::new(&device, &limits));
        let pipelines = PipelineCache::new(&device, &adapter.get_info(), features, &limits);
        // What keeps a dispatch well under a second, from what such adapters compute in one.
        let most_work = if software { 1 << 26 } else { 1 << 33 };
        let max_work = options.max_launch_elements.map_or(most_work, |n| (n as usize).clamp(1, most_work));
        tracing::info!(adapter = %name, "device opened");
        Ok(Gpu {
            name,
            counters: Counters::default(),
            pool: BufferPool::new(limits.max_buffer_size / 16 * 16),
            waiter: transfer::Waiter::new(&device),
            max_work,
            choices: choices::Choices::open(&adapter.get_info()),
            device,
            queue,
            limits,
            features,
            subgroup_lanes,
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

    /// Whether the threads of a workgroup may speak to each other by subgroups.
    pub(crate) fn has_subgroups(&self) -> bool {
        self.features.contains(wgpu::Features::SUBGROUP)
    }

    /// The fewest threads of a subgroup; none where threads cannot speak to each other by subgroups.
    pub(crate) fn subgroup_lanes(&self) -> u32 {
        self.subgroup_lanes
    }

    /// Whether kernels may use 16-bit floats.
    pub(crate) fn has_f16(&self) -> bool {
        self.features.contains(wgpu::Features::SHADER_F16)
    }

    /// Storage buffers that one kernel may bind; 8 of them everywhere.
    pub(crate) fn max_bindings(&self) -> usize {
        (self.limits.max_storage_buffers_per_shader_stage as usize).min(16)
    }

    /// Bytes that a kernel may see of one buffer.
    pub(crate) fn max_binding(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size / 16 * 16
    }

    /// Operations that one launch should not exceed by much: longer ones trip the watchdogs of drivers.
    pub(crate) fn max_work(&self) -> usize {
        self.max_work
    }

    /// The adapter's name with its driver interface.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Forgets a failure that was told by a tensor that met it.
    pub(crate) fn told(&self) {
        let _ = self.take_failure();
    }

    pub(super) fn save_pipelines(&self) {
        self.flush();
        self.pipelines.compiler.save();
        self.choices.save();
    }

    /// Gives the adapter up: from now on the device is lost.
    pub(super) fn close(&self) {
        self.lost.store(true, Relaxed);
        *self.failure.lock() = Some(self.gone("it was closed"));
        self.device.destroy();
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

    /// The failure, if any; out of memory and bad indices are forgotten once told. A lost device stays lost, and so
    /// does one whose driver refused a kernel: what was to come of it is nowhere.
    fn take_failure(&self) -> Result<()> {
        let mut failure = self.failure.lock();
        let Some(error) = failure.clone() else { return Ok(()) };
        if !is_final(&error) {
            *failure = None;
        }
        Err(error)
    }

    /// The largest buffer that a kernel can see whole.
    pub(super) fn most_bytes(&self) -> u64 {
        self.pool.largest().min(self.max_binding())
    }

    /// Records one kernel; nothing happens while a failure is pending.
    pub(crate) fn launch(&self, launch: &Launch<'_>) {
        if launch.groups.contains(&0) || self.failure.lock().is_some() {
            return;
        }
        let pipeline = self.pipeline(launch);
        if pipeline::is_preparing(&pipeline) {
            return;
        }
        let group = self.group(&pipeline, launch);
        let mut recorder = self.recorder.lock();
        if !recorder.has_room(launch.params.len()) {
            self.submit(&mut recorder);
        }
        for binding in launch.bindings {
            if binding.buffer.id() == fault::RECORD && !binding.read_only {
                self.faults.note();
            }
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
        if self.failure.lock().as_ref().is_some_and(is_final) {
            return recorder.forget();
        }
        match recorder.submit(self) {
            Ok(submitted) => bump(&self.counters.submits, u64::from(submitted)),
            Err(error) => {
                recorder.forget();
                self.fail(error);
            }
        }
    }

    fn gone(&self, reason: impl std::fmt::Display) -> Error {
        Error::DeviceLost { device: self.name.clone(), reason: reason.to_string() }
    }

    /// The fault record, once a kernel that could write it has been launched.
    pub(crate) fn fault_record(self: &Arc<Gpu>) -> Option<Buffer> {
        self.faults.is_armed().then(|| self.fault_buffer())
    }

    fn fault_buffer(self: &Arc<Gpu>) -> Buffer {
        let block = Block::new(fault::RECORD, self.faults.buffer().clone());
        Buffer::new(Raw::Gpu(block), 0, Device::Gpu(self.clone()))
    }

    /// The fault record as a binding, for kernels whose indices come from data. Registers who may fault.
    pub(crate) fn fault_binding(self: &Arc<Gpu>, operator: &'static str) -> (Buffer, u32) {
        self.faults.arm(operator, || self.fault_buffer())
    }
}

/// Whether a device never recovers from a failure.
fn is_final(error: &Error) -> bool {
    matches!(error, Error::DeviceLost { .. } | Error::Kernel { .. })
}

impl Drop for Gpu {
    fn drop(&mut self) {
        self.flush();
    }
}
