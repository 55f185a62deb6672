//! Connections: layers without their parameters.

mod bilinear;
mod embed_id;
mod linear;

pub use bilinear::bilinear;
pub use embed_id::embed_id;
pub(crate) use embed_id::{add_rows, expect_ids, take_rows};
pub use linear::{linear, linear_axes};

pub(super) const ALL: &[super::Entry] = super::entries![bilinear, embed_id, linear];
