use super::{NpyValue, header, pickle};
use crate::{
    atomic::AtomicFile,
    error::{Error, Result},
    tensor::HostArray,
};
use bytemuck::NoUninit;
use ndarray::ArrayD;
use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    path::PathBuf,
};
use zip::{CompressionMethod, DateTime, System, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// Members from this size on get the 64-bit fields of zip; 4 GiB is the limit, and deflate can make data larger.
const LARGE: usize = 0xF000_0000;

/// A new `.npz` file, which appears under its name only when [`finish`](NpzWriter::finish) has written it whole.
///
/// The same members in the same order give the same bytes: no time of day is kept.
#[derive(Debug)]
pub struct NpzWriter {
    path: PathBuf,
    zip: ZipWriter<BufWriter<AtomicFile>>,
    method: CompressionMethod,
    names: HashSet<String>,
    failed: Option<Error>,
}

impl NpzWriter {
    /// Starts a file beside `path`, in a folder that must exist; a file already there stays until the new one is whole.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be written to.
    pub fn create(path: impl Into<PathBuf>) -> Result<NpzWriter> {
        let path = path.into();
        let file = AtomicFile::create(&path)?;
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
        Ok(NpzWriter { path, zip, method: CompressionMethod::Stored, names: HashSet::new(), failed: None })
    }

    /// Whether members added from now on are deflated, as `numpy.savez_compressed` does; they are not at first.
    pub fn deflate(mut self, yes: bool) -> NpzWriter {
        self.method = if yes { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        self
    }

    /// Adds one value under a name, which gets `.npy` appended.
    ///
    /// # Panics
    /// Where the name was added before.
    ///
    /// # Errors
    /// [`Error::Io`] where writing fails; the file can then not be finished.
    #[track_caller]
    pub fn add(&mut self, name: &str, value: &NpyValue) -> Result<()> {
        match value {
            NpyValue::Array(a) => self.add_array(name, a),
            NpyValue::I64(a) => {
                self.member(name, "<i8", a.shape(), a.len() * 8, |to| elements(to, a, i64::to_le_bytes))
            }
            NpyValue::Text(a) => {
                let width = a.iter().map(|s| s.chars().count()).max().unwrap_or(0).max(1);
                self.member(name, &format!("<U{width}"), a.shape(), a.len() * width * 4, |to| strings(to, a, width))
            }
            NpyValue::None => self.member(name, "|O", &[], pickle::NONE.len(), |to| to.write_all(pickle::NONE)),
        }
    }

    /// Adds one array under a name, without a copy of it; otherwise as [`add`](NpzWriter::add).
    ///
    /// # Panics
    /// Where the name was added before.
    ///
    /// # Errors
    /// [`Error::Io`] where writing fails; the file can then not be finished.
    #[track_caller]
    pub fn add_array(&mut self, name: &str, array: &HostArray) -> Result<()> {
        let bytes = array.len() * array.dtype().size();
        let shape = array.shape();
        match array {
            HostArray::F16(a) => self.member(name, "<f2", shape, bytes, |to| elements(to, a, half::f16::to_le_bytes)),
            HostArray::F32(a) => self.member(name, "<f4", shape, bytes, |to| elements(to, a, f32::to_le_bytes)),
            HostArray::F64(a) => self.member(name, "<f8", shape, bytes, |to| elements(to, a, f64::to_le_bytes)),
            HostArray::I32(a) => self.member(name, "<i4", shape, bytes, |to| elements(to, a, i32::to_le_bytes)),
            HostArray::U32(a) => self.member(name, "<u4", shape, bytes, |to| elements(to, a, u32::to_le_bytes)),
            HostArray::U8(a) => self.member(name, "|u1", shape, bytes, |to| elements(to, a, u8::to_le_bytes)),
            HostArray::Bool(a) => self.member(name, "|b1", shape, bytes, |to| elements(to, a, |v| [u8::from(v)])),
        }
    }

    /// Writes the directory, forces everything to the disk and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`] where that fails or an earlier member failed; the old file, if any, is then still in place.
    pub fn finish(self) -> Result<()> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        let path = self.path;
        let buffer = self.zip.finish().map_err(|e| Error::io("write", &path, into_io(e)))?;
        let file = buffer.into_inner().map_err(|e| Error::io("write", &path, e.into_error()))?;
        file.commit()
    }

    #[track_caller]
    fn member(
        &mut self,
        name: &str,
        descr: &str,
        shape: &[usize],
        bytes: usize,
        body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        assert!(self.names.insert(name.to_string()), "npz member `{name}` was added twice");
        if let Some(e) = &self.failed {
            return Err(e.clone());
        }
        let options = SimpleFileOptions::default()
            .compression_method(self.method)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(bytes >= LARGE);
        let written = self.zip.start_file(format!("{name}.npy"), options).map_err(into_io).and_then(|()| {
            let mut to = BufWriter::with_capacity(1 << 16, &mut self.zip);
            to.write_all(&header::write(descr, shape))?;
            body(&mut to)?;
            to.flush()
        });
        written.map_err(|e| {
            let e = Error::io("write", &self.path, e);
            self.failed = Some(e.clone());
            e
        })
    }
}

fn into_io(e: ZipError) -> io::Error {
    match e {
        ZipError::Io(e) => e,
        e => io::Error::other(e),
    }
}

fn elements<T: NoUninit, const N: usize>(
    to: &mut dyn Write,
    array: &ArrayD<T>,
    encode: fn(T) -> [u8; N],
) -> io::Result<()> {
    if cfg!(target_endian = "little")
        && let Some(all) = array.as_slice()
    {
        return to.write_all(bytemuck::cast_slice(all));
    }
    array.iter().try_for_each(|&v| to.write_all(&encode(v)))
}

fn strings(to: &mut dyn Write, array: &ArrayD<String>, width: usize) -> io::Result<()> {
    for text in array {
        let mut left = width;
        for c in text.chars() {
            to.write_all(&u32::from(c).to_le_bytes())?;
            left -= 1;
        }
        (0..left).try_for_each(|_| to.write_all(&[0; 4]))?;
    }
    Ok(())
}
