//! How functions are run.

mod forget;

pub use forget::{forget, forget_all};

pub(super) const ALL: &[super::Entry] = super::entries![forget];
