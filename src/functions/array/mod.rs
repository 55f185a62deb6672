//! Shapes, views, joins and cuts.

mod broadcast_to;
mod reshape;
mod transpose;

pub use broadcast_to::broadcast_to;
pub use reshape::{reshape, with_shape};
pub use transpose::transpose;

pub(super) const ALL: &[super::Entry] = super::entries![broadcast_to, reshape, transpose];
