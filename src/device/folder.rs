//! Where a device keeps files from one run to the next: `CATENA_CACHE`, else the user's cache folder.

use std::path::PathBuf;

/// The environment variable that names the folder; `off` for none.
const VARIABLE: &str = "CATENA_CACHE";

/// The folder, or `None` where nothing is to be kept.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE) {
        Some(name) if name == "off" => None,
        Some(name) if !name.is_empty() => Some(name.into()),
        _ => dirs::cache_dir().map(|folder| folder.join("catena")),
    }
}
