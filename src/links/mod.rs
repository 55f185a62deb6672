//! Links: functions with parameters, and chains of them.
//!
//! A [`Link`] is anything that can show its parameters, each by a path such as `/l1/W`. The [`chain!`](crate::chain)
//! macro makes one of a struct. [`L`](crate::links) is this module's short name in the prelude.

mod activations;
pub mod attention;
mod batch_normalization;
mod bilinear;
mod chain;
mod classifier;
mod connection;
mod crf1d;
mod embed_id;
mod hierarchical_softmax;
mod highway;
pub mod initializers;
mod layer_normalization;
mod linear;
mod link;
mod parameter;
pub mod rnn;
mod sampled;
mod scale;
mod sequential;
mod snapshot;
pub mod summary;
pub mod vision;
mod weight_hooks;

pub use activations::{Maxout, PReLU, SimplifiedDropconnect, Swish};
pub use attention::*;
pub use batch_normalization::{BatchNormalization, BatchRenormalization, DecorrelatedBatchNormalization};
pub use bilinear::Bilinear;
pub use classifier::Classifier;
pub use connection::*;
pub use crf1d::CRF1d;
pub use embed_id::EmbedID;
pub use hierarchical_softmax::{BinaryHierarchicalSoftmax, Tree};
pub use highway::Highway;
pub use initializers::Initializer;
pub use layer_normalization::{GroupNormalization, LayerNormalization};
pub use linear::Linear;
pub use link::{Layer, Link, Path, Replica, Visit};
pub use parameter::{Parameter, Persistent};
pub use rnn::*;
pub use sampled::{BlackOut, NegativeSampling, WalkerAlias};
pub use scale::{Bias, Scale};
pub use sequential::{ChainList, Sequential};
pub use summary::Summary;
pub use vision::*;
pub use weight_hooks::{SpectralNormalization, WeightHook, WeightNormalization, WeightStandardization};
