//! Launches and copies as a list, encoded into one compute pass and submitted together.

use super::{
    Gpu,
    pipeline::{ParamSpace, Pipeline},
    upload::Uploads,
};
use crate::error::Result;
use smallvec::SmallVec;
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Launches after which a batch is submitted, so that the GPU starts while the program goes on recording.
const BATCH: usize = 48;
/// Workgroups after which a batch is submitted: drivers watch over how long one takes.
const GROUPS: u64 = 1 << 22;
/// Batches in flight: beyond them recording waits, which bounds the memory of the driver's queue.
const IN_FLIGHT: usize = 8;
/// Bytes of the uniform buffer for parameter blocks too large for immediates.
const UNIFORM_BYTES: usize = 1 << 18;
/// Largest parameter block, in bytes.
const UNIFORM_BLOCK: u64 = 1024;

enum Command {
    Launch {
        pipeline: Arc<Pipeline>,
        group: wgpu::BindGroup,
        params: SmallVec<[u32; 32]>,
        uniform_offset: u32,
        groups: [u32; 3],
    },
    Copy {
        from: wgpu::Buffer,
        from_byte: u64,
        to: wgpu::Buffer,
        to_byte: u64,
        bytes: u64,
    },
}

/// When a batch began and ended on the adapter's clock.
pub(super) struct Timed {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// Nanoseconds of a tick.
    period: f32,
}

impl Timed {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Timed {
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("time"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time"),
                size: 16,
                usage,
                mapped_at_creation: false,
            })
        };
        Timed {
            queries,
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            staging: buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
            period: queue.get_timestamp_period(),
        }
    }

    /// The time between, once the batch has run; `None` where the clock did not move.
    pub fn read(&self, device: &wgpu::Device) -> Option<Duration> {
        let (send, receive) = std::sync::mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |mapped| {
            let _ = send.send(mapped.is_ok());
        });
        device.poll(wgpu::PollType::wait_indefinitely()).ok()?;
        if !receive.recv_timeout(Duration::from_secs(1)).ok()? {
            return None;
        }
        let bytes = self.staging.get_mapped_range(..).ok()?;
        let at = |i: usize| bytes[8 * i..8 * i + 8].try_into().map(u64::from_le_bytes).ok();
        let ticks = at(1)?.checked_sub(at(0)?)?;
        (ticks > 0).then(|| Duration::from_nanos((ticks as f64 * f64::from(self.period)) as u64))
    }
}

pub(super) struct Recorder {
    timing: Option<Timed>,
    pub uploads: Uploads,
    commands: Vec<Command>,
    /// Workgroups launched by what is recorded.
    groups: u64,
    uniform: wgpu::Buffer,
    uniform_layout: wgpu::BindGroupLayout,
    uniform_group: wgpu::BindGroup,
    uniform_bytes: Vec<u8>,
    uniform_align: usize,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
}

impl Recorder {
    pub fn new(device: &wgpu::Device, limits: &wgpu::Limits) -> Recorder {
        let uniform = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: UNIFORM_BYTES as u64 + UNIFORM_BLOCK,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let uniform_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("parameters"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: true,
                    min_binding_size: None,
                },
                count: None,
            }],
        });
        let uniform_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("parameters"),
            layout: &uniform_layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &uniform,
                    offset: 0,
                    size: wgpu::BufferSize::new(UNIFORM_BLOCK),
                }),
            }],
        });
        Recorder {
            timing: None,
            uploads: Uploads::new(),
            groups: 0,
            commands: Vec::with_capacity(BATCH + 8),
            uniform,
            uniform_layout,
            uniform_group,
            uniform_bytes: vec![],
            uniform_align: limits.min_uniform_buffer_offset_alignment as usize,
            in_flight: VecDeque::new(),
        }
    }

    pub fn uniform_layout(&self, _: &wgpu::Device) -> wgpu::BindGroupLayout {
        self.uniform_layout.clone()
    }

    pub fn is_full(&self) -> bool {
        self.commands.len() >= BATCH || self.groups >= GROUPS
    }

    /// Whether a parameter block of this many words still fits into the batch.
    pub fn has_room(&self, words: usize) -> bool {
        self.uniform_bytes.len() + words * 4 + self.uniform_align <= UNIFORM_BYTES
    }

    pub fn launch(&mut self, pipeline: Arc<Pipeline>, group: wgpu::BindGroup, params: &[u32], groups: [u32; 3]) {
        let mut uniform_offset = 0;
        let mut immediates = SmallVec::new();
        match pipeline.space {
            ParamSpace::None => {}
            ParamSpace::Immediate => immediates.extend_from_slice(params),
            ParamSpace::Uniform => {
                assert!(params.len() * 4 <= UNIFORM_BLOCK as usize, "a parameter block of {} words", params.len());
                let at = self.uniform_bytes.len().next_multiple_of(self.uniform_align);
                self.uniform_bytes.resize(at, 0);
                self.uniform_bytes.extend_from_slice(bytemuck::cast_slice(params));
                uniform_offset = at as u32;
            }
        }
        self.groups += groups.iter().map(|&n| u64::from(n)).product::<u64>();
        self.commands.push(Command::Launch { pipeline, group, params: immediates, uniform_offset, groups });
    }

    pub fn copy(&mut self, from: wgpu::Buffer, from_byte: u64, to: wgpu::Buffer, to_byte: u64, bytes: u64) {
        self.commands.push(Command::Copy { from, from_byte, to, to_byte, bytes });
    }

    /// Whether every kernel in it is compiled.
    pub fn is_compiled(&self) -> bool {
        let done = |command: &Command| !matches!(command, Command::Launch { pipeline, .. } if !pipeline.code.is_done());
        self.commands.iter().all(done)
    }

    /// Times the batch that is submitted next, where the adapter has a clock.
    pub fn time_next(&mut self, device: &wgpu::Device, queue: &wgpu::Queue) {
        let clock = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS;
        self.timing = device.features().contains(clock).then(|| Timed::new(device, queue));
    }

    /// The times of the batch that was to be timed.
    pub fn timed(&mut self) -> Option<Timed> {
        self.timing.take()
    }

    /// Forgets everything recorded.
    pub fn forget(&mut self) {
        self.commands.clear();
        self.uniform_bytes.clear();
        self.uploads.forget();
        self.groups = 0;
    }

    /// What was submitted last, if anything was.
    pub fn last_submission(&self) -> Option<wgpu::SubmissionIndex> {
        self.in_flight.back().cloned()
    }

    /// Waits for the oldest batch in flight.
    pub fn wait_for_oldest(&mut self, device: &wgpu::Device) {
        if let Some(oldest) = self.in_flight.pop_front() {
            let _ = device.poll(wgpu::PollType::Wait { submission_index: Some(oldest), timeout: None });
        }
    }

    /// Encodes and submits the list; tells whether there was anything.
    ///
    /// # Errors
    /// A kernel that the driver refused; nothing is submitted then.
    pub fn submit(&mut self, gpu: &Gpu) -> Result<bool> {
        if self.commands.is_empty() {
            return Ok(false);
        }
        let (device, queue) = (&gpu.device, &gpu.queue);
        for command in &self.commands {
            if let Command::Launch { pipeline, .. } = command {
                gpu.pipelines.compiler.finish(&pipeline.code)?;
            }
        }
        if !self.uniform_bytes.is_empty() {
            let padded = self.uniform_bytes.len().next_multiple_of(4);
            self.uniform_bytes.resize(padded, 0);
            queue.write_buffer(&self.uniform, 0, &self.uniform_bytes);
            self.uniform_bytes.clear();
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        if let Some(timed) = &self.timing {
            encoder.write_timestamp(&timed.queries, 0);
        }
        let mut commands = self.commands.drain(..).peekable();
        while let Some(command) = commands.next() {
            match command {
                Command::Copy { from, from_byte, to, to_byte, bytes } => {
                    encoder.copy_buffer_to_buffer(&from, from_byte, &to, to_byte, bytes);
                }
                launch => {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    let mut next = Some(launch);
                    let mut current: *const Pipeline = std::ptr::null();
                    while let Some(Command::Launch { pipeline, group, params, uniform_offset, groups }) = next {
                        if !std::ptr::eq(current, Arc::as_ptr(&pipeline)) {
                            pass.set_pipeline(pipeline.code.ready());
                            current = Arc::as_ptr(&pipeline);
                        }
                        pass.set_bind_group(0, &group, &[]);
                        match pipeline.space {
                            ParamSpace::None => {}
                            ParamSpace::Immediate => pass.set_immediates(0, bytemuck::cast_slice(&params)),
                            ParamSpace::Uniform => pass.set_bind_group(1, &self.uniform_group, &[uniform_offset]),
                        }
                        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
                        next = commands.next_if(|c| matches!(c, Command::Launch { .. }));
                    }
                }
            }
        }
        drop(commands);
        if let Some(timed) = &self.timing {
            encoder.write_timestamp(&timed.queries, 1);
            encoder.resolve_query_set(&timed.queries, 0..2, &timed.resolved, 0);
            encoder.copy_buffer_to_buffer(&timed.resolved, 0, &timed.staging, 0, 16);
        }
        let uploads = self.uploads.close();
        self.in_flight.push_back(queue.submit([encoder.finish()]));
        self.uploads.recall(uploads);
        self.groups = 0;
        while self.in_flight.len() > IN_FLIGHT {
            self.wait_for_oldest(device);
        }
        Ok(true)
    }
}
