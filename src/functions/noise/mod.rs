//! Dropout and other random functions.

mod dropout;

pub use dropout::{dropout, dropout_with_mask};

pub(super) const ALL: &[super::Entry] = super::entries![dropout];
