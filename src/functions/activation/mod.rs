//! Activations.

mod relu;

pub use relu::relu;

pub(super) const ALL: &[super::Entry] = super::entries![relu];
