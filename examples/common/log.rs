//! A training log: a JSON array with an object an epoch, as Chainer's LogReport writes it.

use catena::{
    error::{Error, Result},
    serializers::write_file,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The log of a run, written anew after each entry.
pub struct Log {
    path: PathBuf,
    entries: Vec<Map<String, Value>>,
}

impl Log {
    /// A log that will be written to `path`, going on from earlier entries.
    pub fn new(path: PathBuf, earlier: Option<&str>) -> Result<Log> {
        let entries = match earlier {
            None => vec![],
            Some(text) => serde_json::from_str(text).map_err(|e| Error::BadFile {
                path: path.clone(),
                expected: "a JSON array of objects in the snapshot's log".into(),
                actual: e.to_string(),
                hint: "resume from another snapshot".into(),
            })?,
        };
        Ok(Log { path, entries })
    }

    /// Adds an entry and writes the file.
    pub fn add(&mut self, entry: Map<String, Value>) -> Result<()> {
        self.entries.push(entry);
        write_file(&self.path, self.text().as_bytes())
    }

    /// The whole log.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&json!(self.entries)).unwrap_or_default()
    }

    /// The seconds that the last entry says have passed.
    pub fn elapsed(&self) -> f64 {
        self.number(self.entries.len().wrapping_sub(1), "elapsed_time").unwrap_or(0.0)
    }

    /// A column, with its epochs.
    pub fn column(&self, name: &str) -> Vec<(f64, f64)> {
        (0..self.entries.len()).filter_map(|i| Some((self.number(i, "epoch")?, self.number(i, name)?))).collect()
    }

    fn number(&self, entry: usize, name: &str) -> Option<f64> {
        self.entries.get(entry)?.get(name)?.as_f64()
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
