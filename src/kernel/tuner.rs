//! Choosing among kernels that do the same, by measuring them.
//!
//! A launcher has a rule that names the candidate it believes in, and others. `CATENA_TUNE` says what becomes of that:
//!
//! | `CATENA_TUNE` | |
//! |---|---|
//! | unset | What was found earlier holds. What was not is measured once its kernels were compiled in the background, as long as that holds the program up for 100 ms at most in all; until then, and on software adapters, the rule decides. |
//! | `full` | Whatever was not measured is measured at once. |
//! | `off` | The rule decides. |
//!
//! Candidates add in different orders, so results can differ in their last digits from one choice to another.

use crate::{
    device::{Device, Gpu},
    error::Result,
};
use std::{
    cell::Cell,
    fmt::Debug,
    sync::OnceLock,
    time::{Duration, Instant},
};

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Off,
    Bounded,
    Full,
}

fn mode() -> Mode {
    static MODE: OnceLock<Mode> = OnceLock::new();
    if FULL.get() {
        return Mode::Full;
    }
    *MODE.get_or_init(|| match std::env::var("CATENA_TUNE").as_deref() {
        Ok("off") => Mode::Off,
        Ok("full") => Mode::Full,
        _ => Mode::Bounded,
    })
}

thread_local! {
    static FULL: Cell<bool> = const { Cell::new(false) };
    /// Whether candidates are being launched: what they launch themselves is not asked about meanwhile.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// A setting of the thread that is as it was when this is dropped.
struct Set(&'static std::thread::LocalKey<Cell<bool>>, bool);

impl Set {
    fn new(key: &'static std::thread::LocalKey<Cell<bool>>) -> Set {
        Set(key, key.replace(true))
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

impl Device {
    /// Runs `f`; kernels that it launches from this thread, and that there is a choice of, are measured at once, and what
    /// is found is kept for this adapter. On the CPU device `f` just runs.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let device = Device::best();
    /// let y = device.tune(|| {
    ///     let x = Tensor::ones([64, 64], DType::F32, &device);
    ///     x.matmul(&x, false, false).sum(None, false).item().unwrap()
    /// });
    /// assert_eq!(y, 262_144.0);
    /// ```
    pub fn tune<T>(&self, f: impl FnOnce() -> T) -> T {
        let _full = Set::new(&FULL);
        let out = f();
        super::force_all(self);
        out
    }
}

/// The candidate for a question: the first, unless another was found to be faster.
///
/// `launch` records a candidate's kernels; it can be called any number of times, and each time leaves the same result.
pub(in crate::kernel) fn choose<C: Copy + Debug>(
    gpu: &Gpu,
    question: impl FnOnce() -> String,
    candidates: &[C],
    launch: impl Fn(C) -> Result<()>,
) -> Result<C> {
    let rule = candidates[0];
    let mode = mode();
    if candidates.len() == 1 || mode == Mode::Off || (mode == Mode::Bounded && gpu.is_software()) {
        return Ok(rule);
    }
    let (question, choices) = (question(), gpu.choices());
    let found = choices.get(&question).and_then(|name| candidates.iter().find(|c| format!("{c:?}") == name));
    if let Some(&found) = found {
        return Ok(found);
    }
    if ASKING.get() {
        return Ok(rule);
    }
    let _asking = Set::new(&ASKING);
    if mode == Mode::Bounded {
        if !choices.may_ask(&question) {
            return Ok(rule);
        }
        // Every one of them, so that all are compiled side by side.
        let waiting = candidates.iter().filter(|&&c| !gpu.prepare(|| launch(c))).count();
        if waiting > 0 {
            return Ok(rule);
        }
    }
    let mut best: Option<(Duration, C)> = None;
    for (i, &candidate) in candidates.iter().enumerate() {
        let started = Instant::now();
        // Once to warm up what the driver does at the first launch, then for the record.
        gpu.measure(|| launch(candidate))?;
        let time = gpu.measure(|| launch(candidate))?;
        if best.is_none_or(|(least, _)| time < least) {
            best = Some((time, candidate));
        }
        let took = started.elapsed();
        let rest = took * (candidates.len() - 1 - i) as u32;
        if mode == Mode::Bounded && choices.spend(took) < rest {
            choices.give_up(&question);
            return Ok(rule);
        }
    }
    let (time, best) = best.unwrap_or((Duration::ZERO, rule));
    tracing::debug!("{question}: {best:?}, {time:?}");
    choices.set(&question, format!("{best:?}"));
    Ok(best)
}

/// A length as a part of a question: lengths within a factor of two have one answer.
pub(in crate::kernel) fn bucket(n: usize) -> u32 {
    usize::BITS - n.max(1).saturating_sub(1).leading_zeros()
}
