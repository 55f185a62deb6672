//! What can go wrong outside the program: devices, memory, files, data.
//!
//! Programming mistakes (shapes, dtypes, devices mixed) are not here: they panic at the caller's line.

use std::{io, path::PathBuf, sync::Arc};

/// Shorthand for a result with catena's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the environment, with what to do about it in its text.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No device answers to the name asked for.
    #[error("no device `{wanted}`; available: {available}. Set CATENA_DEVICE (or --device) to one of these")]
    NoDevice {
        /// The name as given.
        wanted: String,
        /// Every device there is, as a readable list.
        available: String,
    },
    /// The adapter was found but a device on it could not be opened.
    #[error("cannot open {adapter}: {reason}; update its driver, or choose another device with CATENA_DEVICE")]
    DeviceRequest {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The device went away; it stays lost, a new [`Device`](crate::device::Device) may work.
    #[error("device {device} is lost: {reason}; open a new Device and reload the last snapshot")]
    DeviceLost {
        /// The device's name.
        device: String,
        /// The driver's words.
        reason: String,
    },
    /// Memory ran out, after the pool was emptied and the request tried once more.
    #[error(
        "out of memory on {device}: {requested} bytes wanted, {held} held by tensors, limit {limit}; largest holders: {holders}. Use a smaller batch, or free tensors"
    )]
    OutOfMemory {
        /// The device's name.
        device: String,
        /// Bytes asked for.
        requested: u64,
        /// Bytes that live tensors hold.
        held: u64,
        /// The pool's limit in bytes, or what the driver said.
        limit: String,
        /// The largest live buffers.
        holders: String,
    },
    /// A kernel was refused by the driver or by validation.
    #[error("kernel {kernel} failed on {device}: {reason}")]
    Kernel {
        /// The kernel's name.
        kernel: String,
        /// The device's name.
        device: String,
        /// The validation message.
        reason: String,
    },
    /// A value computed on the device was out of range where it was used as an index.
    #[error("{operator}: index {index} at position {position} is outside {low}..{high}")]
    IndexOutOfRange {
        /// The operator that met the index.
        operator: String,
        /// The index.
        index: i64,
        /// Its flat position in the tensor of indices.
        position: usize,
        /// Smallest index allowed.
        low: i64,
        /// One past the largest index allowed.
        high: i64,
    },
    /// Something this device cannot hold or do.
    #[error("{what} is not possible on {device}: {need}; {hint}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// The device's name.
        device: String,
        /// What it would take, and what there is.
        need: String,
        /// What to do instead.
        hint: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: `read`, `write`, `create`, `rename`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: Arc<io::Error>,
    },
    /// A file's contents are not what they should be.
    #[error("{}: expected {expected}, found {actual}; {hint}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was there.
        actual: String,
        /// What to do.
        hint: String,
    },
    /// No source of a download gave the file.
    #[error("cannot download {name}: {reason}; {hint}")]
    Download {
        /// The file wanted.
        name: String,
        /// What each source answered.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Training left the numbers.
    #[error("{what}; {hint}")]
    Diverged {
        /// What is no number any more, and when.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A snapshot does not fit the object it is loaded into.
    #[error("{}: {problem}; {hint}", path.display())]
    Mismatch {
        /// The snapshot.
        path: PathBuf,
        /// Which member, and how it differs.
        problem: String,
        /// What to do.
        hint: String,
    },
}

impl Error {
    /// Wraps an I/O failure with what was being done to which file.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        Error::Io { action, path: path.into(), source: Arc::new(source) }
    }
}
