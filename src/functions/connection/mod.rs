//! Connections.

pub(super) const ALL: &[super::Entry] = super::entries![];
