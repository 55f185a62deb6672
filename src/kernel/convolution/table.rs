//! Tables of offsets for the kernels of a geometry: made once, and kept on the device.

use crate::{
    device::{Buffer, Device, Gpu},
    error::Result,
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// What lies under one window, or one phase of it: for each step where the element is, and where its weight.
pub(super) struct Table {
    /// Entries, and the phases after them.
    pub words: Vec<i32>,
    /// Axes along which an element may lie over the edge, counted from the last.
    pub axes: usize,
    /// Whether entries hold the weight's position.
    pub weighted: bool,
}

impl Table {
    pub fn new(axes: usize, weighted: bool) -> Table {
        Table { words: vec![], axes, weighted }
    }

    /// An entry: what to add to a corner's position, the weight's position, and how far from the corner it lies.
    pub fn push(&mut self, offset: isize, weight: isize, away: [isize; 3]) {
        self.words.push(offset as i32);
        if self.weighted {
            self.words.push(weight as i32);
        }
        self.words.extend(away.iter().rev().take(self.axes).map(|&a| a as i32));
    }

    /// Entries so far.
    pub fn len(&self) -> usize {
        self.words.len() / (1 + usize::from(self.weighted) + self.axes)
    }
}

/// How many axes have to be looked at, the last first, so that all are along which a window lies over the image's edge.
pub(super) fn axes_over_the_edge(over: [bool; 3]) -> usize {
    over.iter().position(|&o| o).map_or(0, |first| 3 - first)
}

type Key = Vec<isize>;

/// Tables of all devices. Each is a few kilobytes, and a network has as many as it has shapes of layers.
static KEPT: Mutex<Option<HashMap<Key, Vec<Buffer>>>> = Mutex::new(None);
const MOST: usize = 1024;

/// The table of a geometry on a device, made by `make` where it is not there yet.
pub(super) fn on_device(gpu: &Arc<Gpu>, key: Key, make: impl FnOnce() -> Vec<i32>) -> Result<Buffer> {
    let device = Device::Gpu(gpu.clone());
    let mut kept = KEPT.lock();
    let kept = kept.get_or_insert_default();
    if let Some(buffer) = kept.get(&key).and_then(|all| all.iter().find(|b| *b.device() == device)) {
        return Ok(buffer.clone());
    }
    let words = make();
    let buffer = device.allocate(words.len() as u64 * 4)?;
    gpu.upload(&buffer, bytemuck::cast_slice(&words));
    if kept.len() >= MOST {
        kept.clear();
    }
    kept.entry(key).or_default().push(buffer.clone());
    Ok(buffer)
}
