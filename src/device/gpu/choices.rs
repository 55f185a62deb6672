//! Choices among kernels that do the same, found by measuring: kept on disk, one file for each adapter and driver.
//!
//! The file is JSON with a version. One that cannot be read is passed over and written anew. A process that writes takes
//! up what others have written meanwhile, and replaces the file whole.

use super::{Gpu, disk::adapter_name};
use crate::{
    device::{folder::cache_folder, stats::bump},
    error::Result,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

const VERSION: u32 = 1;
/// How long measuring may hold a program up in all, unless it asked for that.
const BUDGET: Duration = Duration::from_millis(100);
/// How much of that is kept for waits that end later than they should.
const MARGIN: Duration = Duration::from_millis(25);
/// What a launch that is waited for takes beside its work.
const OVERHEAD: Duration = Duration::from_micros(300);

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    choices: BTreeMap<String, String>,
}

/// What was found so far.
pub(crate) struct Choices {
    file: Option<PathBuf>,
    state: Arc<Mutex<State>>,
    /// Writes the file, so that nobody waits for the disk.
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, String>,
    /// How long measuring held the program up.
    held_up: Duration,
    /// Choices that measuring cannot make within what is left.
    given_up: Vec<String>,
    /// The most operations in a second that a kind of kernel's slowest candidate did.
    rates: BTreeMap<String, f64>,
    /// Whether there are answers that no writer has taken up.
    unsaved: bool,
    writing: bool,
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
        Choices::new(file, known)
    }

    fn new(file: Option<PathBuf>, known: BTreeMap<String, String>) -> Choices {
        Choices { file, state: Arc::new(Mutex::new(State { known, ..State::default() })), writer: Mutex::default() }
    }

    /// What was chosen for a question.
    pub fn get(&self, question: &str) -> Option<String> {
        self.state.lock().known.get(question).cloned()
    }

    /// The time there is to answer a question; none where it was given up.
    pub fn left(&self, question: &str) -> Option<Duration> {
        let state = self.state.lock();
        let left = (BUDGET - MARGIN).saturating_sub(state.held_up);
        (!left.is_zero() && !state.given_up.iter().any(|q| q == question)).then_some(left)
    }

    /// How long a launch of so many operations may take: by the rate that such kernels were seen to have, else by one that
    /// few adapters fall short of.
    pub fn estimate(&self, kind: &str, work: f64, software: bool) -> Duration {
        let assumed = if software { 2e9 } else { 2e10 };
        let rate = self.state.lock().rates.get(kind).copied().unwrap_or(assumed);
        OVERHEAD + Duration::try_from_secs_f64(work / rate).unwrap_or(Duration::MAX / 1024)
    }

    /// Takes up the rate of a slowest candidate. Rates rise with the work: that of smaller kernels is too low for larger ones.
    pub fn learn(&self, kind: &str, rate: f64) {
        let mut state = self.state.lock();
        let known = state.rates.entry(kind.into()).or_insert(rate);
        *known = known.max(rate);
    }

    pub fn give_up(&self, question: &str) {
        self.state.lock().given_up.push(question.into());
    }

    /// Keeps an answer; it is written by another thread.
    pub fn set(&self, question: &str, answer: String) {
        let mut state = self.state.lock();
        state.known.insert(question.into(), answer);
        let Some(file) = &self.file else { return };
        state.unsaved = true;
        if std::mem::replace(&mut state.writing, true) {
            return;
        }
        drop(state);
        let (file, state) = (file.clone(), self.state.clone());
        let thread = std::thread::Builder::new().name("catena-choices".into()).spawn(move || write(&file, &state));
        match thread {
            Ok(thread) => *self.writer.lock() = Some(thread),
            Err(reason) => {
                self.state.lock().writing = false;
                tracing::warn!("choices are not kept: {reason}");
            }
        }
    }

    /// Waits until all answers are written.
    pub fn save(&self) {
        if let Some(writer) = self.writer.lock().take() {
            let _ = writer.join();
        }
    }
}

impl Drop for Choices {
    fn drop(&mut self) {
        self.save();
    }
}

/// Writes answers as long as there are new ones.
fn write(file: &Path, state: &Mutex<State>) {
    loop {
        let known = {
            let mut state = state.lock();
            if !std::mem::take(&mut state.unsaved) {
                state.writing = false;
                return;
            }
            state.known.clone()
        };
        let mut choices = read(file).unwrap_or_default();
        choices.extend(known);
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

    /// Counts time for which measuring held the program up.
    pub(crate) fn held_up(&self, time: Duration) {
        self.choices.state.lock().held_up += time;
        bump(&self.counters.tuning_micros, time.as_micros() as u64);
    }

    /// Whether everything recorded is compiled, so that a submit waits for no compiler.
    pub(crate) fn is_compiled(&self) -> bool {
        self.recorder.lock().is_compiled()
    }

    /// Whether nothing that was submitted is still on its way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.device.poll(wgpu::PollType::Poll), Ok(wgpu::PollStatus::QueueEmpty))
    }

    /// Has everything recorded so far run; tells whether it has until then.
    pub(crate) fn settle(&self, until: Option<Instant>) -> Result<bool> {
        self.flush();
        self.wait(until)
    }

    /// How long what `f` records takes, by the adapter's clock where it has one, else by the host's; `None` where it has not
    /// run until then. Everything recorded before has run.
    pub(crate) fn measure(&self, until: Option<Instant>, f: impl FnOnce() -> Result<()>) -> Result<Option<Duration>> {
        let started = Instant::now();
        f()?;
        let timed = {
            let mut recorder = self.recorder.lock();
            recorder.time_next(&self.device, &self.queue);
            self.submit(&mut recorder);
            recorder.timed()
        };
        if !self.wait(until)? {
            return Ok(None);
        }
        let elapsed = started.elapsed();
        Ok(Some(timed.and_then(|timed| timed.read(&self.device)).unwrap_or(elapsed)))
    }

    /// Waits for what was submitted; tells whether it has run until then.
    fn wait(&self, until: Option<Instant>) -> Result<bool> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        match self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout }) {
            Ok(_) => Ok(true),
            Err(wgpu::PollError::Timeout) => Ok(false),
            Err(error) => Err(self.gone(error)),
        }
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
        let open = || Choices::new(Some(path.clone()), read(&path).unwrap_or_default());
        // Two that have the file at once: each keeps what the other wrote.
        let (a, b) = (open(), open());
        a.set("one", "x".into());
        a.save();
        b.set("two", "y".into());
        b.save();
        let c = open();
        assert_eq!((c.get("one").as_deref(), c.get("two").as_deref()), (Some("x"), Some("y")));
        for broken in ["", "{", r#"{"version": 2, "choices": {}}"#] {
            std::fs::write(&path, broken).unwrap();
            assert!(read(&path).is_err(), "{broken}");
        }
        a.set("three", "z".into());
        a.save();
        assert_eq!(open().get("three").as_deref(), Some("z"));
    }

    #[test]
    fn time_runs_out() {
        let choices = Choices::new(None, BTreeMap::new());
        assert_eq!(choices.left("one"), Some(BUDGET - MARGIN));
        choices.give_up("one");
        assert!(choices.left("one").is_none() && choices.left("two").is_some());
        choices.state.lock().held_up = BUDGET - MARGIN;
        assert!(choices.left("two").is_none());
    }

    #[test]
    fn rates_are_learnt_by_kind() {
        let choices = Choices::new(None, BTreeMap::new());
        let estimate = |kind| choices.estimate(kind, 8e9, true).as_secs_f64();
        assert!((3.9..4.1).contains(&estimate("matmul")), "{}", estimate("matmul"));
        choices.learn("matmul", 1e9);
        choices.learn("matmul", 2e10);
        choices.learn("matmul", 1e8);
        assert!((0.39..0.41).contains(&estimate("matmul")), "{}", estimate("matmul"));
        assert!((3.9..4.1).contains(&estimate("reduce")), "{}", estimate("reduce"));
    }

    #[test]
    fn many_answers_at_once_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let choices = Choices::new(Some(path.clone()), BTreeMap::new());
        (0..50).for_each(|i| choices.set(&i.to_string(), "x".into()));
        drop(choices);
        assert_eq!(read(&path).unwrap().len(), 50);
    }
}
