//! Noise.

pub(super) const ALL: &[super::Entry] = super::entries![];
