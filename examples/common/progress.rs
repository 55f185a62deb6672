//! A live progress bar: epoch, examples a second, loss, time left.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Shows how far a run is, on a terminal; elsewhere it stays silent.
pub struct Progress {
    bar: ProgressBar,
    shown: Instant,
    unit: &'static str,
}

impl Progress {
    /// A bar over `total` examples, of which `done` are behind.
    pub fn new(total: u64, done: u64, unit: &'static str) -> Progress {
        let bar = ProgressBar::new(total).with_position(done);
        let style = ProgressStyle::with_template("{msg} [{bar:24}] {percent:>3}%  {per_sec}  left {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("per_sec", move |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
                let _ = write!(w, "{:.0} {unit}/s", state.per_sec());
            })
            .progress_chars("=> ");
        bar.set_style(style);
        bar.reset_eta();
        Progress { bar, shown: Instant::now(), unit }
    }

    /// Counts examples.
    pub fn advance(&mut self, examples: u64) {
        self.bar.inc(examples);
    }

    /// Whether it is time for another look at the loss: waiting for it every step would stall the device.
    pub fn is_due(&self) -> bool {
        self.shown.elapsed() > Duration::from_millis(500)
    }

    /// Shows the epoch and the loss.
    pub fn show(&mut self, epoch: usize, loss: f64) {
        self.shown = Instant::now();
        self.bar.set_message(format!("epoch {epoch}  loss {loss:.4}"));
    }

    /// Prints a line above the bar, or by itself where there is no terminal.
    pub fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            println!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
