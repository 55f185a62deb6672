//! Choosing among kernels that do the same, by measuring them.
//!
//! A launcher has a rule that names the candidate it believes in, and others. `CATENA_TUNE` says what becomes of that:
//!
//! | `CATENA_TUNE` | |
//! |---|---|
//! | unset | What was found earlier holds. What was not is measured once its kernels were compiled in the background, as long as that holds the program up for 100 ms at most in all; until then, and on software adapters, the rule decides. |
//! | `bounded` | As unset, on software adapters too. |
//! | `full` | Whatever was not measured is measured at once. |
//! | `off` | The rule decides. |
//!
//! To stay within its time, a question is put off that the adapter might not answer in what is left of it, by the operations
//! it takes and the slowest rate seen; none waits for a kernel that is still compiled; and where a candidate takes longer
//! than thought, the program goes on without the answer.
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
    Bounded { software: bool },
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
        named => Mode::Bounded { software: named == Ok("bounded") },
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
        if let Device::Gpu(gpu) = self {
            gpu.choices().save();
        }
        out
    }
}

/// A choice among kernels.
pub(in crate::kernel) struct Question {
    /// What is chosen for, such as `matmul`.
    pub kind: &'static str,
    /// What else the answer depends on.
    pub about: String,
    /// Operations that an answer takes.
    pub work: f64,
}

/// The candidate for a question: the first, unless another was found to be faster.
///
/// `launch` records a candidate's kernels; it can be called any number of times, and each time leaves the same result.
pub(in crate::kernel) fn choose<C: Copy + Debug>(
    gpu: &Gpu,
    question: impl FnOnce() -> Question,
    candidates: &[C],
    launch: impl Fn(C) -> Result<()>,
) -> Result<C> {
    let rule = candidates[0];
    let mode = mode();
    let decided = match mode {
        Mode::Off => true,
        Mode::Bounded { software } => gpu.is_software() && !software,
        Mode::Full => false,
    };
    if candidates.len() == 1 || decided {
        return Ok(rule);
    }
    let Question { kind, about, work } = question();
    let (name, choices) = (format!("{kind} {about}"), gpu.choices());
    let found = choices.get(&name).and_then(|name| candidates.iter().find(|c| format!("{c:?}") == name));
    if let Some(&found) = found {
        return Ok(found);
    }
    if ASKING.get() {
        return Ok(rule);
    }
    let _asking = Set::new(&ASKING);
    let (found, until) = match mode {
        Mode::Full => (measured(gpu, candidates, None, &launch)?, None),
        _ => {
            let Some(left) = choices.left(&name) else { return Ok(rule) };
            let started = Instant::now();
            let until = started + left;
            let found = if may_ask(gpu, kind, work, candidates, until, &launch)? {
                measured(gpu, candidates, Some(until), &launch)?
            } else {
                Measured::Later
            };
            gpu.held_up(started.elapsed());
            (found, Some(until))
        }
    };
    match found {
        Measured::Best(best, slowest) => {
            choices.learn(kind, work / slowest.as_secs_f64().max(1e-9));
            tracing::debug!("{name}: {best:?}, bounded: {}", until.is_some());
            choices.set(&name, format!("{best:?}"));
            Ok(best)
        }
        Measured::TooLong => {
            choices.give_up(&name);
            Ok(rule)
        }
        Measured::Later => Ok(rule),
    }
}

/// What measuring came to.
enum Measured<C> {
    /// The fastest, and the time of the slowest.
    Best(C, Duration),
    /// There was no time for all candidates.
    TooLong,
    /// What was launched before them took too long.
    Later,
}

/// Whether all candidates can be measured until then, as far as is known.
fn may_ask<C: Copy>(
    gpu: &Gpu,
    kind: &str,
    work: f64,
    candidates: &[C],
    until: Instant,
    launch: impl Fn(C) -> Result<()>,
) -> Result<bool> {
    // To wait for what is on its way would be time lost without an answer.
    if !gpu.is_idle() {
        return Ok(false);
    }
    // Every one of them, so that all are compiled side by side.
    let waiting = candidates.iter().filter(|&&c| !gpu.prepare(|| launch(c))).count();
    if waiting > 0 || !gpu.is_compiled() {
        return Ok(false);
    }
    let each = gpu.choices().estimate(kind, work, gpu.is_software());
    Ok(each * 2 * candidates.len() as u32 <= until.saturating_duration_since(Instant::now()))
}

/// Measures all candidates.
fn measured<C: Copy>(
    gpu: &Gpu,
    candidates: &[C],
    until: Option<Instant>,
    launch: impl Fn(C) -> Result<()>,
) -> Result<Measured<C>> {
    // What is recorded may take half of the time.
    let halfway = until.map(|until| Instant::now() + until.saturating_duration_since(Instant::now()) / 2);
    if !gpu.settle(halfway)? {
        return Ok(Measured::Later);
    }
    let (mut best, mut slowest): (Option<(Duration, C)>, _) = (None, Duration::ZERO);
    for (i, &candidate) in candidates.iter().enumerate() {
        let started = Instant::now();
        // Once to warm up what the driver does at the first launch, then for the record.
        let mut time = Duration::ZERO;
        for _ in 0..2 {
            match gpu.measure(until, || launch(candidate))? {
                Some(took) => time = took,
                None => return Ok(Measured::TooLong),
            }
        }
        if best.is_none_or(|(least, _)| time < least) {
            best = Some((time, candidate));
        }
        slowest = slowest.max(time);
        let rest = started.elapsed() * (candidates.len() - 1 - i) as u32;
        if until.is_some_and(|until| Instant::now() + rest > until) {
            return Ok(Measured::TooLong);
        }
    }
    Ok(best.map_or(Measured::Later, |(_, best)| Measured::Best(best, slowest)))
}

/// A length as a part of a question: lengths within a factor of two have one answer.
pub(in crate::kernel) fn bucket(n: usize) -> u32 {
    usize::BITS - n.max(1).saturating_sub(1).leading_zeros()
}
