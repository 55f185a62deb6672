//! `.npz` files: zip archives of NumPy arrays, which Chainer keeps models and training runs in.
//!
//! A file written here opens with `numpy.load` and `chainer.serializers.load_npz`, and the other way round.
//!
//! ```
//! use catena::{serializers::{NpyValue, NpzReader, NpzWriter}, tensor::HostArray};
//! use ndarray::arr2;
//! # fn main() -> catena::error::Result<()> {
//! # let dir = std::env::temp_dir().join(format!("catena-npz-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir).unwrap();
//! let path = dir.join("model.npz");
//! let w = HostArray::from(arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]).into_dyn());
//!
//! let mut file = NpzWriter::create(&path)?;
//! file.add_array("predictor/l1/W", &w)?;
//! file.add("t", &NpyValue::from(6_i64))?;
//! file.finish()?;
//!
//! let file = NpzReader::open(&path)?;
//! assert_eq!(file.names(), ["predictor/l1/W", "t"]);
//! assert_eq!(file.get("predictor/l1/W")?, NpyValue::Array(w));
//! assert_eq!(file.get("t")?.to_i64(), Some(6));
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok(())
//! # }
//! ```

mod header;
mod pickle;
mod read;
mod value;
mod write;

pub use read::NpzReader;
pub use value::NpyValue;
pub use write::NpzWriter;
