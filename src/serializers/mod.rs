//! Files that keep models, optimizers and whole training runs.

pub(crate) mod atomic;
pub mod npz;

pub use npz::{NpyValue, NpzReader, NpzWriter};
