//! The driver's compiled kernels, kept on disk from one run to the next, one file for each adapter and driver.
//!
//! Only Vulkan has such a thing; other drivers keep their own. A file begins with a line that names its format and a
//! checksum of the rest. One that does not fit is passed over and written anew. Processes that share it replace it whole:
//! the last one wins, and nobody reads half a file.

use crate::device::folder::cache_folder;
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

const FORMAT: &[u8] = b"catena pipelines 1\n";
const SUM: usize = 32;

/// The cache of one device, and the file behind it.
pub(super) struct Disk {
    cache: Option<wgpu::PipelineCache>,
    file: Option<PathBuf>,
    /// Whether something was compiled since it was last written.
    dirty: AtomicBool,
}

impl Disk {
    pub fn open(device: &wgpu::Device, info: &wgpu::AdapterInfo) -> Disk {
        let none = Disk { cache: None, file: None, dirty: AtomicBool::new(false) };
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return none;
        }
        let Some(folder) = cache_folder() else { return none };
        let file = folder.join("pipelines").join(format!("{}.bin", adapter_name(info)));
        let data = match read(&file) {
            Ok(data) => data,
            Err(reason) => {
                tracing::warn!("{} is passed over and will be written anew: {reason}", file.display());
                None
            }
        };
        // SAFETY: the checksum tells that these bytes were given by `get_data`; the driver checks them for itself, too.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("catena"),
                data: data.as_deref(),
                fallback: true,
            })
        };
        Disk { cache: Some(cache), file: Some(file), dirty: AtomicBool::new(false) }
    }

    pub fn cache(&self) -> Option<&wgpu::PipelineCache> {
        self.cache.as_ref()
    }

    /// Notes that something was compiled.
    pub fn note(&self) {
        self.dirty.store(true, Relaxed);
    }

    /// Writes the file if there is something new; where that fails there is none the next time, which is no harm.
    pub fn save(&self) {
        if !self.dirty.swap(false, Relaxed) {
            return;
        }
        let (Some(file), Some(data)) = (&self.file, self.cache.as_ref().and_then(wgpu::PipelineCache::get_data)) else {
            return;
        };
        let folder = file.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder)
            .map_err(|e| e.to_string())
            .and_then(|()| crate::atomic::write_file(file, &wrap(&data)).map_err(|e| e.to_string()));
        if let Err(reason) = written {
            tracing::warn!("compiled kernels are not kept in {}: {reason}", file.display());
        }
    }
}

/// Adapter and driver as a part of a file's name.
pub(super) fn adapter_name(info: &wgpu::AdapterInfo) -> String {
    let driver = Sha256::digest(format!("{}\n{}\n{}", info.name, info.driver, info.driver_info));
    let short: String = driver[..6].iter().map(|b| format!("{b:02x}")).collect();
    format!("{:?}-{:04x}-{:04x}-{short}", info.backend, info.vendor, info.device).to_lowercase()
}

fn wrap(data: &[u8]) -> Vec<u8> {
    let mut bytes = FORMAT.to_vec();
    bytes.extend_from_slice(&Sha256::digest(data));
    bytes.extend_from_slice(data);
    bytes
}

/// The data of a file; `None` where there is no file.
fn read(file: &Path) -> Result<Option<Vec<u8>>, String> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let rest = bytes.strip_prefix(FORMAT).ok_or("it is of another format")?;
    let (sum, data) = rest.split_at_checked(SUM).ok_or("it ends too early")?;
    if *sum != Sha256::digest(data)[..] {
        return Err("its checksum does not fit".into());
    }
    Ok(Some(data.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_or_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.bin");
        assert_eq!(read(&file), Ok(None));
        let whole = wrap(b"compiled");
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(read(&file), Ok(Some(b"compiled".to_vec())));
        for broken in [&b""[..], b"other", &whole[..FORMAT.len() + 5], &whole[..whole.len() - 1]] {
            std::fs::write(&file, broken).unwrap();
            assert!(read(&file).is_err(), "{broken:?}");
        }
    }
}
