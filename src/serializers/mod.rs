//! Files that keep models, optimizers and whole training runs.
//!
//! Member names are paths as in Chainer's npz files: `predictor/l1/W`, `predictor/l1/W/m`, `t`.

pub mod npz;
mod snapshot;

pub use crate::atomic::write_file;
pub use npz::{NpyValue, NpzReader, NpzWriter};
pub use snapshot::{Loader, Saver, Snapshot, load_npz, save_npz};
