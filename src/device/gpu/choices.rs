//! Choices among kernels that do the same, found by measuring: kept on disk, one file for each adapter and driver.
//!
//! The file is JSON with a version. One that cannot be read is passed over and written anew. A process that writes takes
//! up what others have written meanwhile, and replaces the file whole.

use super::{Gpu, disk::adapter_name};
use crate::{device::folder::cache_folder, error::Result};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const VERSION: u32 = 1;
/// How long measuring may hold a program up in all, unless it asked for that.
const BUDGET: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    choices: BTreeMap<String, String>,
}

/// What was found so far.
pub(crate) struct Choices {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    known: BTreeMap<String, String>,
    /// What measuring may still take.
    left: Duration,
    /// Choices that measuring cannot make within what is left.
    given_up: Vec<String>,
}

impl Choices {
    pub fn open(info: &wgpu::AdapterInfo) -> Choices {
        let file = cache_folder().map(|folder| folder.join("tuned").join(format!("{}.json", adapter_name(info))));
        let known = file.as_deref().map_or_else(BTreeMap::new, |file| {
            read(file).unwrap_or_else(|reason| {
                tracing::warn!("{} is passed over and will be written anew: {reason}", file.display());
                BTreeMap::new()
            })
        });
        Choices { file, state: Mutex::new(State { known, left: BUDGET, given_up: vec![] }) }
    }

    /// What was chosen for a question.
    pub fn get(&self, question: &str) -> Option<String> {
        self.state.lock().known.get(question).cloned()
    }

    /// Whether there is time to ask it.
    pub fn may_ask(&self, question: &str) -> bool {
        let state = self.state.lock();
        !state.left.is_zero() && !state.given_up.iter().any(|q| q == question)
    }

    /// Counts time that measuring took; what is left.
    pub fn spend(&self, time: Duration) -> Duration {
        let mut state = self.state.lock();
        state.left = state.left.saturating_sub(time);
        state.left
    }

    pub fn give_up(&self, question: &str) {
        self.state.lock().given_up.push(question.into());
    }

    /// Keeps an answer.
    pub fn set(&self, question: &str, answer: String) {
        let mut state = self.state.lock();
        state.known.insert(question.into(), answer);
        let Some(file) = &self.file else { return };
        let mut choices = read(file).unwrap_or_default();
        choices.extend(state.known.iter().map(|(q, a)| (q.clone(), a.clone())));
        let text = serde_json::to_vec_pretty(&File { version: VERSION, choices }).expect("strings are JSON");
        let folder = file.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder)
            .map_err(|e| e.to_string())
            .and_then(|()| crate::atomic::write_file(file, &text).map_err(|e| e.to_string()));
        if let Err(reason) = written {
            tracing::warn!("choices are not kept in {}: {reason}", file.display());
        }
    }
}

/// The choices in a file; none where there is no file.
fn read(file: &Path) -> Result<BTreeMap<String, String>, String> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(e.to_string()),
    };
    let file: File = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    if file.version != VERSION {
        return Err(format!("it has version {}, not {VERSION}", file.version));
    }
    Ok(file.choices)
}

impl Gpu {
    /// What was found by measuring.
    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    /// How long what `f` records takes, by the adapter's clock where it has one, else by the host's.
    pub(crate) fn measure(&self, f: impl FnOnce() -> Result<()>) -> Result<Duration> {
        let wait = || self.device.poll(wgpu::PollType::wait_indefinitely()).map(drop).map_err(|e| self.gone(e));
        self.flush();
        wait()?;
        let started = Instant::now();
        f()?;
        let timed = {
            let mut recorder = self.recorder.lock();
            recorder.time_next(&self.device, &self.queue);
            self.submit(&mut recorder);
            recorder.timed()
        };
        wait()?;
        let elapsed = started.elapsed();
        Ok(timed.and_then(|timed| timed.read(&self.device)).unwrap_or(elapsed))
    }

    /// Has kernels that `f` would launch compiled; launches nothing. Tells whether all of them are ready.
    pub(crate) fn prepare(&self, f: impl FnOnce() -> Result<()>) -> bool {
        super::pipeline::preparing(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_or_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let open = || Choices {
            file: Some(path.clone()),
            state: Mutex::new(State { known: read(&path).unwrap_or_default(), left: BUDGET, given_up: vec![] }),
        };
        // Two that have the file at once: each keeps what the other wrote.
        let (a, b) = (open(), open());
        a.set("one", "x".into());
        b.set("two", "y".into());
        let c = open();
        assert_eq!((c.get("one").as_deref(), c.get("two").as_deref()), (Some("x"), Some("y")));
        for broken in ["", "{", r#"{"version": 2, "choices": {}}"#] {
            std::fs::write(&path, broken).unwrap();
            assert!(read(&path).is_err(), "{broken}");
        }
        a.set("three", "z".into());
        assert_eq!(open().get("three").as_deref(), Some("z"));
    }

    #[test]
    fn time_runs_out() {
        let choices =
            Choices { file: None, state: Mutex::new(State { known: BTreeMap::new(), left: BUDGET, given_up: vec![] }) };
        assert!(choices.may_ask("one"));
        choices.give_up("one");
        assert!(!choices.may_ask("one") && choices.may_ask("two"));
        assert_eq!(choices.spend(2 * BUDGET), Duration::ZERO);
        assert!(!choices.may_ask("two"));
    }
}
