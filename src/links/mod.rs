//! Links: functions with parameters, and chains of them.
//!
//! A [`Link`] is anything that can show its parameters, each by a path such as `/l1/W`. The [`chain!`](crate::chain)
//! macro makes one of a struct. [`L`](crate::links) is this module's short name in the prelude.

mod batch_normalization;
mod chain;
mod classifier;
mod embed_id;
pub mod initializers;
mod layer_normalization;
mod linear;
mod link;
mod parameter;
pub mod rnn;
mod snapshot;

pub use batch_normalization::{BatchNormalization, BatchRenormalization};
pub use classifier::Classifier;
pub use embed_id::EmbedID;
pub use initializers::Initializer;
pub use layer_normalization::{GroupNormalization, LayerNormalization};
pub use linear::Linear;
pub use link::{Layer, Link, Path, Replica, Visit};
pub use parameter::{Parameter, Persistent};
pub use rnn::*;
