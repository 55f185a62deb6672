//! What memory is for.

use std::{cell::Cell, fmt};

/// What a tensor's memory is for, as [`Device::memory`](super::Device::memory) tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Weights and persistent values of links.
    Parameter,
    /// Gradients at leaves.
    Gradient,
    /// Whatever else is computed: inputs, outputs, states.
    #[default]
    Activation,
    /// Partial results inside one operator.
    Workspace,
}

thread_local! {
    static CURRENT: Cell<Tag> = const { Cell::new(Tag::Activation) };
}

impl Tag {
    /// Runs `f`; memory that this thread allocates meanwhile is for this.
    ///
    /// ```
    /// # use catena::{prelude::*, device::Tag};
    /// let device = Device::cpu();
    /// let before = device.memory().workspace;
    /// let x = Tag::Workspace.during(|| Tensor::from_slice(&[0.0f32; 1000], [1000], &device));
    /// assert!(device.memory().workspace >= before + 4000);
    /// ```
    pub fn during<T>(self, f: impl FnOnce() -> T) -> T {
        struct Reset(Tag);
        impl Drop for Reset {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _reset = Reset(CURRENT.replace(self));
        f()
    }

    pub(super) fn current() -> Tag {
        CURRENT.get()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tag::Parameter => "parameter",
            Tag::Gradient => "gradient",
            Tag::Activation => "activation",
            Tag::Workspace => "workspace",
        })
    }
}

/// Blocks of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassUse {
    /// Bytes of each.
    pub bytes: u64,
    /// Blocks that tensors hold.
    pub live: u64,
    /// Blocks that wait to be used again.
    pub free: u64,
}

/// What a device's memory is held for, in bytes of live blocks, and its blocks by size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Held by weights and persistent values of links.
    pub parameters: u64,
    /// Held by gradients at leaves.
    pub gradients: u64,
    /// Held by everything else that was computed.
    pub activations: u64,
    /// Held by partial results inside operators.
    pub workspace: u64,
    /// Blocks by size, the smallest first.
    pub classes: Vec<ClassUse>,
}

impl Memory {
    pub(super) fn add(&mut self, tag: Tag, bytes: u64) {
        *match tag {
            Tag::Parameter => &mut self.parameters,
            Tag::Gradient => &mut self.gradients,
            Tag::Activation => &mut self.activations,
            Tag::Workspace => &mut self.workspace,
        } += bytes;
    }
}
