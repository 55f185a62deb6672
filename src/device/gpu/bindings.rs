//! Bind groups, kept by layout and buffers.

use super::{Gpu, Launch, pipeline::Pipeline};
use crate::device::stats::bump;
use smallvec::SmallVec;
use std::{collections::HashMap, ops::Range};

#[derive(PartialEq, Eq, Hash, Clone)]
struct GroupKey {
    layout: u32,
    /// Each buffer's number, and the part of it that the kernel is shown.
    buffers: SmallVec<[(u64, Range<u64>); 8]>,
}

#[derive(Default)]
pub(super) struct GroupCache {
    groups: HashMap<GroupKey, wgpu::BindGroup>,
}

impl GroupCache {
    /// A loop needs one group a launch; a program that makes more than this does not repeat itself.
    const MOST: usize = 16_384;

    pub fn evict(&mut self, ids: impl Iterator<Item = u64>) {
        let gone: std::collections::HashSet<u64> = ids.collect();
        if !gone.is_empty() {
            self.groups.retain(|key, _| !key.buffers.iter().any(|(id, _)| gone.contains(id)));
        }
    }
}

impl Gpu {
    pub(super) fn group(&self, pipeline: &Pipeline, launch: &Launch<'_>) -> wgpu::BindGroup {
        let key = GroupKey {
            layout: pipeline.layout_id,
            buffers: launch.bindings.iter().map(|b| (b.buffer.id(), b.window.clone())).collect(),
        };
        let mut cache = self.groups.lock();
        if let Some(group) = cache.groups.get(&key) {
            bump(&self.counters.bind_group_hits, 1);
            return group.clone();
        }
        let entries: SmallVec<[wgpu::BindGroupEntry<'_>; 8]> = launch
            .bindings
            .iter()
            .enumerate()
            .map(|(i, b)| {
                let whole = b.window == (0..b.buffer.whole_bytes());
                let resource = if whole {
                    b.buffer.gpu().as_entire_binding()
                } else {
                    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: b.buffer.gpu(),
                        offset: b.window.start,
                        size: std::num::NonZeroU64::new(b.window.end - b.window.start),
                    })
                };
                wgpu::BindGroupEntry { binding: i as u32, resource }
            })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.group_layout,
            entries: &entries,
        });
        bump(&self.counters.bind_groups, 1);
        if cache.groups.len() >= GroupCache::MOST {
            cache.groups.clear();
        }
        cache.groups.insert(key, group.clone());
        group
    }
}
