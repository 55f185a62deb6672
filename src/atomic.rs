//! Files that appear whole or not at all.

use crate::error::{Error, Result};
use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// Writes a file whole: beside its target first, then renamed into place.
///
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("log");
/// catena::serializers::write_file(&path, b"[]").unwrap();
/// assert_eq!(std::fs::read(&path).unwrap(), b"[]");
/// ```
///
/// # Errors
/// Whatever the file system reports; the target is then as it was before.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|e| Error::io("write", path, e))?;
    file.commit()
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A file written under a temporary name beside its target, which [`commit`](AtomicFile::commit) renames into place.
///
/// Dropped without a commit it removes what it wrote; the target is then as it was before.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    file: Option<File>,
    part: PathBuf,
    target: PathBuf,
}

impl AtomicFile {
    /// Opens a temporary file in the target's folder, which must exist.
    pub(crate) fn create(target: &Path) -> Result<AtomicFile> {
        let name = target.file_name().ok_or_else(|| {
            Error::io("create", target, io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))
        })?;
        loop {
            let mut part = std::ffi::OsString::from(".");
            part.push(name);
            part.push(format!(".{}.{}.part", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            let part = target.with_file_name(part);
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(file) => return Ok(AtomicFile { file: Some(file), part, target: target.to_path_buf() }),
                // Left by a process that was killed and had the same id: the next counter is free.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("create", target, e)),
            }
        }
    }

    /// Forces the contents to the disk, then renames the file into place.
    pub(crate) fn commit(mut self) -> Result<()> {
        let file = self.file.take().expect("open until it is committed");
        let synced = file.sync_all();
        // Windows does not rename open files.
        drop(file);
        let moved = synced.and_then(|()| std::fs::rename(&self.part, &self.target));
        if let Err(e) = moved {
            let _ = std::fs::remove_file(&self.part);
            return Err(Error::io("write", &self.target, e));
        }
        // Makes the new name itself durable; file systems that cannot do it lose nothing but that.
        #[cfg(unix)]
        if let Some(folder) = self.target.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let _ = File::open(folder).and_then(|f| f.sync_all());
        }
        Ok(())
    }

    fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("open until it is committed")
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file().seek(to)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            drop(file);
            let _ = std::fs::remove_file(&self.part);
        }
    }
}
