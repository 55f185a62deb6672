//! Kernels made ready by threads of their own, while the program goes on recording.
//!
//! A submit waits for the kernels in it. One that no thread has begun yet it compiles itself, so that waiting never
//! depends on a thread being free.

use super::disk::Disk;
use crate::error::{Error, Result};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

/// Threads at most; a first step has some dozens of kernels.
const THREADS: usize = 8;
/// Quiet time after which what was compiled is kept on disk.
const QUIET: Duration = Duration::from_millis(300);

/// What a kernel is compiled from.
pub(super) struct Source {
    pub name: String,
    pub device: String,
    pub text: String,
    pub layout: wgpu::PipelineLayout,
    pub checked: bool,
}

enum State {
    Waiting(Source),
    Compiling,
    Done,
}

/// Code that is there, or under way.
pub(super) struct Code {
    result: OnceLock<Result<wgpu::ComputePipeline>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Code {
    /// Whether nobody would have to wait for it.
    pub fn is_done(&self) -> bool {
        self.result.get().is_some()
    }

    /// The pipeline, after [`Compiler::finish`].
    pub fn ready(&self) -> &wgpu::ComputePipeline {
        match self.result.get() {
            Some(Ok(pipeline)) => pipeline,
            _ => unreachable!("a submit finishes its kernels first"),
        }
    }
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Arc<Code>>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Shared {
    device: wgpu::Device,
    disk: Disk,
    queue: Mutex<Queue>,
    wake: Condvar,
}

pub(super) struct Compiler {
    shared: Arc<Shared>,
    most: usize,
}

impl Compiler {
    pub fn new(device: &wgpu::Device, info: &wgpu::AdapterInfo) -> Compiler {
        let disk = Disk::open(device, info);
        let queue = Mutex::default();
        let shared = Arc::new(Shared { device: device.clone(), disk, queue, wake: Condvar::new() });
        let most = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        Compiler { shared, most }
    }

    /// Has a kernel compiled by the first thread that is free.
    pub fn compile(&self, source: Source) -> Arc<Code> {
        let state = Mutex::new(State::Waiting(source));
        let code = Arc::new(Code { result: OnceLock::new(), state, changed: Condvar::new() });
        let mut queue = self.shared.queue.lock();
        queue.work.push_back(code.clone());
        if queue.idle == 0 && queue.threads < self.most {
            let shared = Arc::downgrade(&self.shared);
            let spawned = std::thread::Builder::new().name("catena-compile".into()).spawn(move || work(&shared));
            // Without threads the submit compiles.
            queue.threads += usize::from(spawned.is_ok());
        }
        drop(queue);
        self.shared.wake.notify_one();
        code
    }

    /// Waits until a kernel is ready.
    ///
    /// # Errors
    /// What the driver said against it.
    pub fn finish(&self, code: &Code) -> Result<()> {
        if code.result.get().is_none() {
            self.shared.run(code);
            let mut state = code.state.lock();
            while !matches!(*state, State::Done) {
                code.changed.wait(&mut state);
            }
        }
        match code.result.get() {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Keeps on disk what was compiled so far.
    pub fn save(&self) {
        self.shared.disk.save();
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.wake.notify_all();
        self.save();
    }
}

fn work(shared: &Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        let mut queue = shared.queue.lock();
        match queue.work.pop_front() {
            Some(code) => {
                drop(queue);
                shared.run(&code);
            }
            None if queue.closed => return,
            None => {
                queue.idle += 1;
                let quiet = shared.wake.wait_for(&mut queue, QUIET).timed_out();
                queue.idle -= 1;
                if quiet && queue.work.is_empty() {
                    drop(queue);
                    shared.disk.save();
                    let mut queue = shared.queue.lock();
                    // Threads that have nothing to do go; the next kernel brings one back.
                    if queue.work.is_empty() {
                        queue.threads -= 1;
                        return;
                    }
                }
            }
        }
    }
}

impl Shared {
    /// Compiles a kernel unless somebody else does.
    fn run(&self, code: &Code) {
        let source = {
            let mut state = code.state.lock();
            match std::mem::replace(&mut *state, State::Compiling) {
                State::Waiting(source) => source,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let _ = code.result.set(self.build(&source));
        *code.state.lock() = State::Done;
        code.changed.notify_all();
    }

    fn build(&self, source: &Source) -> Result<wgpu::ComputePipeline> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&source.name),
            source: wgpu::ShaderSource::Wgsl(source.text.as_str().into()),
        };
        let module = if source.checked {
            self.device.create_shader_module(descriptor)
        } else {
            // SAFETY: kernels index within what their launchers allocated, divide by lengths that are not zero, and
            // their loops end; the whole test suite also runs with these checks on.
            unsafe { self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
        };
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&source.name),
            layout: Some(&source.layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: source.checked,
                ..Default::default()
            },
            cache: self.disk.cache(),
        });
        match pollster::block_on(scope.pop()) {
            None => {
                self.disk.note();
                Ok(pipeline)
            }
            Some(error) => Err(Error::Kernel {
                kernel: source.name.clone(),
                device: source.device.clone(),
                reason: format!("{error}\n{}", source.text),
            }),
        }
    }
}
