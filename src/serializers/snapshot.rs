//! Objects with a state that can be kept in a file.

use super::{NpyValue, NpzReader, NpzWriter};
use crate::{
    device::Device,
    error::{Error, Result},
    shape::{DType, Shape},
    tensor::{HostArray, Tensor},
};
use ndarray::ArrayD;
use std::path::Path;

/// Where a state is written.
pub struct Saver<'a> {
    writer: &'a mut NpzWriter,
    prefix: String,
}

/// Where a state is read.
pub struct Loader<'a> {
    reader: &'a NpzReader,
    prefix: String,
}

/// An object with a state that can be kept in a file.
pub trait Snapshot {
    /// Writes every member.
    ///
    /// # Errors
    /// Whatever the file system, or the device, reports.
    fn save(&self, to: &mut Saver<'_>) -> Result<()>;

    /// Reads every member, and only if all are there and fit takes any of them over.
    ///
    /// # Errors
    /// [`Error::Mismatch`] names the member that is missing or does not fit.
    fn load(&mut self, from: &Loader<'_>) -> Result<()>;
}

fn join(prefix: &str, name: &str) -> String {
    let name = name.trim_start_matches('/');
    if prefix.is_empty() { name.into() } else { format!("{prefix}/{name}") }
}

impl Saver<'_> {
    /// Writes a member.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn put(&mut self, name: &str, value: &NpyValue) -> Result<()> {
        self.writer.add(&join(&self.prefix, name), value)
    }

    /// Writes a tensor; waits for it.
    ///
    /// # Errors
    /// Whatever the file system, or the device, reports.
    pub fn put_tensor(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        self.put(name, &NpyValue::Array(tensor.to_host()?))
    }

    /// Writes an object below a name.
    ///
    /// # Errors
    /// As [`Snapshot::save`].
    pub fn child(&mut self, name: &str, object: &dyn Snapshot) -> Result<()> {
        object.save(&mut Saver { writer: self.writer, prefix: join(&self.prefix, name) })
    }
}

impl Loader<'_> {
    /// Reads a member.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn get(&self, name: &str) -> Result<NpyValue> {
        let full = join(&self.prefix, name);
        if !self.reader.contains(&full) {
            return Err(self.mismatch(format!("member {full} is missing")));
        }
        self.reader.get(&full)
    }

    /// Whether there is a member of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.reader.contains(&join(&self.prefix, name))
    }

    /// Reads a tensor of this shape (any for `None`) to a device.
    ///
    /// # Errors
    /// When it is missing, damaged, or of another shape.
    pub fn get_tensor(&self, name: &str, shape: Option<&Shape>, dtype: DType, device: &Device) -> Result<Tensor> {
        let full = join(&self.prefix, name);
        let value = self.get(name)?;
        let found = value.describe();
        let value = match value {
            // Chainer's counters, such as the `N` of batch normalisation; tensors have 32 bits.
            NpyValue::I64(a) => match a.iter().map(|&v| i32::try_from(v)).collect::<Result<Vec<_>, _>>() {
                Ok(narrow) => NpyValue::from(HostArray::from(
                    ArrayD::from_shape_vec(a.raw_dim(), narrow).expect("as many as there were"),
                )),
                Err(_) => return Err(self.mismatch(format!("member {full} has numbers beyond 32 bits, it is {found}"))),
            },
            other => other,
        };
        let Some(array) = value.into_array() else {
            return Err(self.mismatch(format!("member {full} should be an array, it is {found}")));
        };
        if let Some(shape) = shape
            && array.shape() != &shape[..]
        {
            return Err(self.mismatch(format!("member {full} should have shape {shape}, it is {found}")));
        }
        let tensor = Tensor::from_host(array, &Device::cpu())?;
        Ok(tensor.cast(dtype).to_device(device))
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// When it is missing or no single integer.
    pub fn get_i64(&self, name: &str) -> Result<i64> {
        let value = self.get(name)?;
        value.to_i64().ok_or_else(|| {
            self.mismatch(format!(
                "member {} should be one integer, it is {}",
                join(&self.prefix, name),
                value.describe()
            ))
        })
    }

    /// Reads an object below a name.
    ///
    /// # Errors
    /// As [`Snapshot::load`].
    pub fn child(&self, name: &str, object: &mut dyn Snapshot) -> Result<()> {
        object.load(&Loader { reader: self.reader, prefix: join(&self.prefix, name) })
    }

    /// An error that names the file.
    pub fn mismatch(&self, problem: String) -> Error {
        Error::Mismatch {
            path: self.reader.path().into(),
            problem,
            hint: "load it into an object of the same structure".into(),
        }
    }
}

/// Writes an object's state to an `.npz` file, beside it first and then renamed.
///
/// ```
/// use catena::{prelude::*, serializers::{load_npz, save_npz}};
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("model.npz");
/// let model = L::Linear::new(3, 2);
/// save_npz(&path, &model).unwrap();
/// let mut other = L::Linear::new(3, 2);
/// load_npz(&path, &mut other).unwrap();
/// assert_eq!(other.W.data().to_vec::<f32>().unwrap(), model.W.data().to_vec::<f32>().unwrap());
/// ```
///
/// # Errors
/// Whatever the file system, or the device, reports.
pub fn save_npz(path: impl AsRef<Path>, object: &(impl Snapshot + ?Sized)) -> Result<()> {
    let mut writer = NpzWriter::create(path.as_ref())?.deflate(true);
    object.save(&mut Saver { writer: &mut writer, prefix: String::new() })?;
    writer.finish()
}

/// Reads an object's state from an `.npz` file; the object is unchanged if anything is wrong.
///
/// # Errors
/// When the file is missing or damaged, or does not fit the object.
pub fn load_npz(path: impl AsRef<Path>, object: &mut (impl Snapshot + ?Sized)) -> Result<()> {
    let reader = NpzReader::open(path.as_ref())?;
    object.load(&Loader { reader: &reader, prefix: String::new() })
}
