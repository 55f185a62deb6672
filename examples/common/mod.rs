//! What the examples share: the log, the plot, the progress bar, the training of language models.

#![allow(dead_code)]

pub mod chars;
pub mod lm;
pub mod log;
pub mod plot;
pub mod progress;

use catena::error::{Error, Result};
use std::path::Path;

/// Makes the folder for results, and finds out at once whether files can be written there.
pub fn results_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").map_err(|e| Error::io("write to", folder, e))?;
    std::fs::remove_file(&probe).map_err(|e| Error::io("remove", probe, e))
}
