//! Data: datasets, the batches made of them, and where the well-known ones come from.
//!
//! ```
//! use catena::datasets::{Dataset, TupleDataset, iterators::{EpochIterator, SerialIterator}};
//! use ndarray::{Array1, Array2};
//!
//! let x = Array2::from_shape_fn((10, 4), |(i, j)| (i * 4 + j) as f32);
//! let t = Array1::from_iter(0..10);
//! let data = TupleDataset::new((x, t));
//! assert_eq!(data.len(), 10);
//!
//! let mut batches = SerialIterator::new(data, 3).repeat(false).shuffle(true, 0);
//! let mut seen = 0;
//! while let Some((x, t)) = batches.next_batch() {
//!     assert_eq!((x.nrows(), x.ncols()), (t.len(), 4));
//!     seen += t.len();
//! }
//! assert_eq!((seen, batches.epoch()), (10, 1));
//! ```

mod cifar;
pub mod download;
pub mod images;
pub mod iterators;
pub mod mnist;

mod convert;
mod dataset;
#[cfg(all(test, feature = "download"))]
mod http_tests;
mod idx;
mod shuffle;
mod split;
pub mod words;

pub use cifar::{Cifar, CifarOptions, Pictures, get_cifar10};
pub use convert::{Example, Padding, concat_examples};
pub use dataset::{BatchDataset, Dataset, TransformDataset, TupleDataset};
pub use download::{cache_dir, cached_download};
pub use idx::read_idx;
pub use images::{
    ImageBatch, ImageSource, LabeledImageDataset, Prepare, Skipped, decode_image, image_batches, read_image,
    read_labels, resize,
};
pub use mnist::{Digits, Mnist, MnistOptions, Source, get_mnist};
pub use shuffle::permutation;
pub use split::{
    SubDataset, get_cross_validation_datasets, get_cross_validation_datasets_random, split_dataset, split_dataset_n,
    split_dataset_n_random, split_dataset_random,
};
pub use words::{PtbOptions, Vocabulary, Words, get_ptb_words};

use std::path::PathBuf;

/// The folder of a small data set that is kept with the source, such as `mnist`, where there is one.
///
/// Looked for in the folder that the environment variable `CATENA_DATA_DIR` names, in the source that this program
/// was built from, and in `examples/data` under the current folder, in this order.
pub fn vendored_dir(name: &str) -> Option<PathBuf> {
    let chosen = std::env::var_os("CATENA_DATA_DIR").filter(|v| !v.is_empty()).map(PathBuf::from);
    let built_from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let here = PathBuf::from("examples/data");
    chosen.into_iter().chain([built_from, here]).map(|root| root.join(name)).find(|dir| dir.is_dir())
}
