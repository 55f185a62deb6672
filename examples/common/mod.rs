//! What the examples share: the log, the plot, the progress bar, the training of language models and of networks for
//! pictures.

#![allow(dead_code)]

pub mod chars;
pub mod classify;
pub mod lm;
pub mod log;
pub mod plot;
pub mod progress;

use catena::error::{Error, Result};
use std::{path::Path, process::ExitCode};

/// Makes the folder for results, and finds out at once whether files can be written there.
pub fn results_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let probe = folder.join(".writable");
    std::fs::write(&probe, b"").map_err(|e| Error::io("write to", folder, e))?;
    std::fs::remove_file(&probe).map_err(|e| Error::io("remove", probe, e))
}

/// Tells an error, and ends with it.
pub fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An option that cannot be as it is.
pub fn bad_option(option: &str, expected: &str, actual: &str) -> Error {
    Error::BadFile { path: option.into(), expected: expected.into(), actual: actual.into(), hint: "see --help".into() }
}

/// A number on the command line that counts something: 1 at least.
pub fn count(text: &str) -> std::result::Result<usize, String> {
    let fits = text.parse().ok().filter(|&n| n > 0);
    fits.ok_or_else(|| "expected a whole number, 1 at least".into())
}

/// A probability on the command line with which something is dropped: 0 at least, less than 1.
pub fn share(text: &str) -> std::result::Result<f64, String> {
    let fits = text.parse().ok().filter(|p| (0.0..1.0).contains(p));
    fits.ok_or_else(|| "expected a number from 0 on, less than 1".into())
}

/// A number on the command line that is more than 0.
pub fn positive(text: &str) -> std::result::Result<f64, String> {
    let fits = text.parse().ok().filter(|x: &f64| *x > 0.0 && x.is_finite());
    fits.ok_or_else(|| "expected a number greater than 0".into())
}

/// A loss that is no number ends the run: going on would only draw a flat line.
pub fn finite(loss: f64, iteration: u64) -> Result<f64> {
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Error::Diverged {
        what: format!("the loss is {loss} at iteration {iteration}"),
        hint: "lower the learning rate with --lr, or --gradclip where there is one".into(),
    })
}
