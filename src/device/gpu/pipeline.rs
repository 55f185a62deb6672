//! Kernels as values, and the pipelines compiled from them.

use super::{
    Gpu,
    compile::{Code, Compiler, Source},
};
use crate::{
    device::{Buffer, stats::bump},
    error::Result,
};
use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;
use std::{cell::Cell, collections::HashMap, sync::Arc};

/// A buffer that a kernel binds.
pub(crate) struct Binding<'a> {
    pub buffer: &'a Buffer,
    pub read_only: bool,
    /// The bytes that the kernel is shown.
    pub window: std::ops::Range<u64>,
}

/// Where a kernel's parameters come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ParamSpace {
    /// The kernel has none.
    None,
    /// `var<immediate> p: P`.
    Immediate,
    /// `@group(1) @binding(0) var<uniform> p: P`.
    Uniform,
}

/// A kernel with everything it runs on.
pub(crate) struct Launch<'a> {
    /// For messages and profiles.
    pub name: &'a str,
    /// Names the kernel's text: equal keys, equal texts.
    pub key: &'a [u8],
    /// In the order of their binding numbers, in group 0.
    pub bindings: &'a [Binding<'a>],
    /// The parameter block, word by word.
    pub params: &'a [u32],
    /// Workgroups along each dimension.
    pub groups: [u32; 3],
    /// Writes the WGSL; called once for each key.
    pub source: &'a dyn Fn(ParamSpace) -> String,
}

/// A kernel's text with the layouts of what it binds; its code may still be under way.
pub(super) struct Pipeline {
    pub code: Arc<Code>,
    pub group_layout: wgpu::BindGroupLayout,
    pub layout_id: u32,
    pub space: ParamSpace,
}

#[derive(PartialEq, Eq, Hash, Clone)]
struct LayoutKey {
    read_only: SmallVec<[bool; 8]>,
    space: ParamSpace,
    words: usize,
}

struct Layout {
    id: u32,
    group: wgpu::BindGroupLayout,
    pipeline: wgpu::PipelineLayout,
}

pub(super) struct PipelineCache {
    immediate_bytes: usize,
    compiled: RwLock<HashMap<Box<[u8]>, Arc<Pipeline>>>,
    layouts: Mutex<HashMap<LayoutKey, Arc<Layout>>>,
    pub compiler: Compiler,
}

impl PipelineCache {
    pub fn new(
        device: &wgpu::Device,
        info: &wgpu::AdapterInfo,
        features: wgpu::Features,
        limits: &wgpu::Limits,
    ) -> PipelineCache {
        let immediate_bytes =
            if features.contains(wgpu::Features::IMMEDIATES) { limits.max_immediate_size as usize } else { 0 };
        PipelineCache {
            immediate_bytes,
            compiled: RwLock::default(),
            layouts: Mutex::default(),
            compiler: Compiler::new(device, info),
        }
    }
}

thread_local! {
    /// While kernels are only prepared: whether all of them were ready so far.
    static PREPARING: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Runs `f`, whose launches only have kernels compiled; tells whether all of those are ready.
pub(super) fn preparing(f: impl FnOnce() -> Result<()>) -> bool {
    let before = PREPARING.replace(Some(true));
    let done = f();
    let ready = PREPARING.replace(before);
    done.is_ok() && ready == Some(true)
}

/// Whether this launch is only prepared.
pub(super) fn is_preparing(pipeline: &Pipeline) -> bool {
    let Some(ready) = PREPARING.get() else { return false };
    PREPARING.set(Some(ready && pipeline.code.is_done()));
    true
}

impl Gpu {
    /// Where a block of this many words travels.
    fn param_space(&self, words: usize) -> ParamSpace {
        if words == 0 {
            ParamSpace::None
        } else if words * 4 <= self.pipelines.immediate_bytes {
            ParamSpace::Immediate
        } else {
            ParamSpace::Uniform
        }
    }

    /// The pipeline of a kernel, which threads of the compiler make ready while the program goes on.
    pub(super) fn pipeline(&self, launch: &Launch<'_>) -> Arc<Pipeline> {
        if let Some(pipeline) = self.pipelines.compiled.read().get(launch.key) {
            return pipeline.clone();
        }
        let space = self.param_space(launch.params.len());
        let layout = self.layout(LayoutKey {
            read_only: launch.bindings.iter().map(|b| b.read_only).collect(),
            space,
            words: launch.params.len(),
        });
        let mut compiled = self.pipelines.compiled.write();
        if let Some(pipeline) = compiled.get(launch.key) {
            return pipeline.clone();
        }
        let text = (launch.source)(space);
        tracing::debug!(kernel = launch.name, "compile\n{text}");
        if let Some(folder) = std::env::var_os("CATENA_DUMP_KERNELS") {
            dump(&folder, launch, &text);
        }
        bump(&self.counters.pipelines, 1);
        let code = self.pipelines.compiler.compile(Source {
            name: launch.name.into(),
            device: self.name.clone(),
            text,
            layout: layout.pipeline.clone(),
            checked: self.checked,
        });
        let pipeline = Arc::new(Pipeline { code, group_layout: layout.group.clone(), layout_id: layout.id, space });
        compiled.insert(launch.key.into(), pipeline.clone());
        pipeline
    }

    fn layout(&self, key: LayoutKey) -> Arc<Layout> {
        let mut layouts = self.pipelines.layouts.lock();
        if let Some(layout) = layouts.get(&key) {
            return layout.clone();
        }
        let storage = |(i, &read_only): (usize, &bool)| wgpu::BindGroupLayoutEntry {
            binding: i as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let entries: Vec<_> = key.read_only.iter().enumerate().map(storage).collect();
        let group =
            self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let uniform = (key.space == ParamSpace::Uniform).then(|| self.recorder.lock().uniform_layout(&self.device));
        let groups: Vec<Option<&wgpu::BindGroupLayout>> =
            std::iter::once(&group).chain(uniform.as_ref()).map(Some).collect();
        let pipeline = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &groups,
            immediate_size: if key.space == ParamSpace::Immediate { key.words as u32 * 4 } else { 0 },
        });
        let layout = Arc::new(Layout { id: layouts.len() as u32, group, pipeline });
        layouts.insert(key, layout.clone());
        layout
    }
}

/// Writes a kernel's text to a folder, to be read by a person.
fn dump(folder: &std::ffi::OsStr, launch: &Launch<'_>, text: &str) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    launch.key.hash(&mut hasher);
    let path = std::path::Path::new(folder).join(format!("{}-{:016x}.wgsl", launch.name, hasher.finish()));
    if let Err(error) = std::fs::write(&path, text) {
        tracing::warn!("cannot write {}: {error}", path.display());
    }
}
