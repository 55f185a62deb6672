//! Files from the network, kept in the user's cache folder and trusted only by their checksum.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// A function that is told how many bytes have come, and of how many.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// The folder downloads are kept in: `CATENA_CACHE_DIR`, or `catena` in the user's cache folder.
///
/// # Errors
/// [`Error::Io`] where the system names no cache folder for this user.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("CATENA_CACHE_DIR").filter(|v| !v.is_empty()) {
        return Ok(dir.into());
    }
    dirs::cache_dir().map(|dir| dir.join("catena")).ok_or_else(|| {
        let why = "the system names none; set CATENA_CACHE_DIR to a folder that can be written to";
        Error::io("find", "the user's cache folder", io::Error::new(io::ErrorKind::NotFound, why))
    })
}

/// The file in the cache, where it is there and has the right length (in bytes) and SHA-256 (in hexadecimal).
///
/// # Errors
/// [`Error::Io`] where a file is there and cannot be read.
///
/// # Panics
/// Where `file_name` is not a plain name or `sha256` not 64 hexadecimal digits.
#[track_caller]
pub fn find_cached(file_name: &str, sha256: &str, bytes: u64, cache: &Path) -> Result<Option<PathBuf>> {
    check_arguments(file_name, sha256);
    let path = cache.join(file_name);
    Ok(fault(&path, sha256, bytes)?.is_none().then_some(path))
}

/// Gives a file from the cache, or downloads it there from the first of the addresses that has it.
///
/// Length (in bytes) and SHA-256 (in hexadecimal) decide what is taken for the file: a cached file without them is
/// downloaded again, and a download without them is thrown away. A download goes under a temporary name first, so that
/// two processes may fetch one file at once and no half of one is ever found under its name.
///
/// # Errors
/// [`Error::Download`] where no address gave the file, or catena was built without its feature `download`;
/// [`Error::Io`] where the cache cannot be read or written.
///
/// # Panics
/// Where `file_name` is not a plain name or `sha256` not 64 hexadecimal digits.
#[track_caller]
pub fn cached_download(urls: &[&str], file_name: &str, sha256: &str, bytes: u64, cache: &Path) -> Result<PathBuf> {
    cached_download_with(urls, file_name, sha256, bytes, cache, &mut |_, _| {})
}

/// As [`cached_download`], telling a function how far it is.
///
/// # Errors
/// As [`cached_download`].
///
/// # Panics
/// As [`cached_download`].
#[track_caller]
pub fn cached_download_with(
    urls: &[&str],
    file_name: &str,
    sha256: &str,
    bytes: u64,
    cache: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf> {
    check_arguments(file_name, sha256);
    let path = cache.join(file_name);
    match fault(&path, sha256, bytes)? {
        None => return Ok(path),
        Some(fault) => tracing::debug!(path = %path.display(), fault, "not in the cache"),
    }
    fetch(urls, &path, sha256, bytes, progress)?;
    Ok(path)
}

fn check_arguments(file_name: &str, sha256: &str) {
    let plain = Path::new(file_name).file_name().is_some_and(|n| n == file_name);
    assert!(plain && !file_name.contains(['/', '\\']), "`{file_name}` must be a file's name without a folder");
    let hex = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(hex, "a SHA-256 has 64 hexadecimal digits, unlike `{sha256}`");
}

/// What keeps the file from being the one wanted.
fn fault(path: &Path, sha256: &str, bytes: u64) -> Result<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Some("no such file".into()));
        }
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let length = file.metadata().map_err(|e| Error::io("read", path, e))?.len();
    if length != bytes {
        return Ok(Some(format!("{length} bytes instead of {bytes}")));
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("read", path, e)),
        }
    }
    Ok(wrong_sum(hash, sha256))
}

fn wrong_sum(hash: Sha256, sha256: &str) -> Option<String> {
    let found: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    (!found.eq_ignore_ascii_case(sha256)).then(|| format!("SHA-256 {found} instead of {sha256}"))
}

fn no_source(path: &Path, reason: String) -> Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let hint = format!("check the network, or put the file at {}", path.display());
    Error::Download { name, reason, hint }
}

#[cfg(not(feature = "download"))]
fn fetch(_: &[&str], path: &Path, _: &str, _: u64, _: Progress<'_>) -> Result<()> {
    let reason = "it is not in the cache, and catena was built without its feature `download`";
    Err(no_source(path, reason.into()))
}

#[cfg(feature = "download")]
fn fetch(urls: &[&str], path: &Path, sha256: &str, bytes: u64, progress: Progress<'_>) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    }
    let mut reasons = Vec::new();
    for url in urls {
        match network::fetch_one(url, path, sha256, bytes, progress)? {
            Ok(()) => return Ok(()),
            Err(reason) => {
                tracing::debug!(url, reason, "this address did not give the file");
                reasons.push(format!("{url}: {reason}"));
            }
        }
    }
    Err(no_source(path, if reasons.is_empty() { "no address was given".into() } else { reasons.join("; ") }))
}

#[cfg(feature = "download")]
mod network {
    use super::{Progress, wrong_sum};
    use crate::{
        atomic::AtomicFile,
        error::{Error, Result},
    };
    use sha2::{Digest, Sha256};
    use std::{
        io::{self, Read, Write},
        path::Path,
        time::Duration,
    };
    use ureq::{Agent, http::Uri};

    /// Short, so that a machine without a network goes on with what it has.
    const REACH: Duration = Duration::from_secs(5);
    /// A connection that says nothing for so long is given up.
    const SILENCE: Duration = Duration::from_secs(20);
    /// Bytes a second below which a download is given up.
    const SLOWEST: u64 = 10_000;

    /// The outer error is this machine's and ends the search; the inner one is this address's.
    pub(super) fn fetch_one(
        url: &str,
        path: &Path,
        sha256: &str,
        bytes: u64,
        progress: Progress<'_>,
    ) -> Result<Result<(), String>> {
        let mut body = match open(url, bytes) {
            Ok(body) => body,
            Err(e) => return Ok(Err(e.to_string())),
        };
        let failed = |e| Error::io("write", path, e);
        let mut file = AtomicFile::create(path)?;
        let (mut hash, mut buffer, mut read) = (Sha256::new(), vec![0; 1 << 16], 0);
        progress(0, bytes);
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Ok(Err(format!("broke off after {read} of {bytes} bytes: {e}"))),
            };
            read += n as u64;
            if read > bytes {
                return Ok(Err(format!("sent more than the file's {bytes} bytes")));
            }
            hash.update(&buffer[..n]);
            file.write_all(&buffer[..n]).map_err(failed)?;
            progress(read, bytes);
        }
        if read < bytes {
            return Ok(Err(format!("ended after {read} of {bytes} bytes")));
        }
        if let Some(fault) = wrong_sum(hash, sha256) {
            return Ok(Err(fault));
        }
        file.commit()?;
        Ok(Ok(()))
    }

    fn open(url: &str, bytes: u64) -> Result<impl Read, Box<ureq::Error>> {
        let limit = Duration::from_secs(60 + bytes / SLOWEST);
        let mut config = Agent::config_builder()
            .timeout_resolve(Some(REACH))
            .timeout_connect(Some(REACH))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_global(Some(limit))
            .user_agent(concat!("catena/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(url) {
            config = config.proxy(None);
        }
        let response = Agent::from(config.build()).get(url).call().map_err(Box::new)?;
        Ok(response.into_body().into_reader())
    }

    /// A proxy named by the environment cannot reach this machine's own servers.
    fn is_this_machine(url: &str) -> bool {
        url.parse::<Uri>().is_ok_and(|uri| matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]")))
    }
}
